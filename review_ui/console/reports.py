"""CyberTipline reports, built from the settings; nothing is connected to before somebody files one."""

from moderation.domain.errors import UnavailableError
from moderation.reporting.cybertip_client import CyberTipClient, Switch
from moderation.reporting.cybertip_desk import CyberTipDesk
from moderation.reporting.cybertip_facts import Contact, Reporter
from moderation.reporting.cybertip_wire import Credentials
from moderation.settings import Settings
from moderation.storage.review.cybertips import CyberTipStore
from review_ui.site import Site


def open_reports(site: Site) -> CyberTipDesk:
    """The reports of this installation."""
    settings, reports = site.settings, CyberTipStore(site.database)

    def connect() -> CyberTipClient:
        if not settings.cybertip_url:
            raise UnavailableError("MODERATION_CYBERTIP_URL is not set: there is nowhere to file the report.")
        password = settings.cybertip_password.get_secret_value()
        return CyberTipClient(settings.cybertip_url, Credentials(settings.cybertip_user, password))

    return CyberTipDesk(
        reports,
        site.posts,
        site.blobs,
        seen=reports.wholly_seen,
        reporter=_reporter(settings),
        switch=Switch(settings.cybertip_submit, settings.cybertip_submit_reason),
        connect=connect,
    )


def _reporter(settings: Settings) -> Reporter:
    contact = Contact(settings.cybertip_contact_email) if settings.cybertip_contact_email else None
    return Reporter(
        company=settings.cybertip_company,
        platform=settings.cybertip_platform,
        person=Contact(
            settings.cybertip_email,
            settings.cybertip_first_name,
            settings.cybertip_last_name,
            settings.cybertip_phone,
        ),
        contact=contact,
        template=settings.cybertip_template,
        terms_of_service=settings.cybertip_terms_url,
        legal_url=settings.cybertip_legal_url,
    )
