"""The samples that every rule lets pass: one row each, drawn by the scene it names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from datasets.drawing import landscapes, nights, patterns, still_life
from datasets.drawing.colour import Pixels
from datasets.drawing.field import Size
from datasets.encode import FileFormat

Scene: TypeAlias = Callable[[np.random.Generator, Size], Pixels]

SQUARE = Size(640, 640)
WIDE = Size(768, 512)
TALL = Size(512, 704)
LARGE = Size(1024, 768)
SMALL = Size(512, 512)
ICON = Size(48, 48)


@dataclass(frozen=True, slots=True)
class Drawing:
    """How to draw one sample, and the words that go with it."""

    name: str
    scene: Scene
    seed: int
    size: Size
    stored: FileFormat
    caption: str
    prompt: str

    def pixels(self) -> Pixels:
        """The picture, the same every time."""
        return self.scene(np.random.default_rng(self.seed), self.size)


# One picture in two lines reads as the table that it is.
# fmt: off
GALLERY: tuple[Drawing, ...] = (
    Drawing("violet-range", landscapes.mountains, 2, SQUARE, FileFormat.JPEG,
            "Six rendered valleys before breakfast, this one stayed.", "mountains in violet haze, matte painting"),
    Drawing("green-dawn-range", landscapes.mountains, 4, WIDE, FileFormat.WEBP,
            "Green dawn over the passes.", "layered mountains, teal sky, morning mist, wide shot"),
    Drawing("grey-range", landscapes.mountains, 11, SMALL, FileFormat.GREY_JPEG,
            "Trying black and white for once.", "alpine ridges, monochrome photograph, heavy haze"),
    Drawing("red-boat", landscapes.sea, 2, SQUARE, FileFormat.PNG,
            "She sails at sunset. 🌅", "small sailing boat with a red jib at sunset, stylised illustration"),
    Drawing("noon-boat", landscapes.sea, 1, WIDE, FileFormat.JPEG,
            "Noon, no wind, no hurry.", "calm sea at noon, sailing boat, sun glitter"),
    Drawing("teal-boat", landscapes.sea, 4, TALL, FileFormat.WEBP,
            "The wind is rising.", "teal evening sea, lone sailing boat, flat shading"),
    Drawing("dune-sea", landscapes.dunes, 1, WIDE, FileFormat.JPEG,
            "Wind writes, sand forgets.", "sand dunes with wind ripples under a blue sky"),
    Drawing("dune-peak", landscapes.dunes, 6, SQUARE, FileFormat.PNG,
            "The tallest one took an hour to render.", "a tall sand dune, strong side light"),
    Drawing("fir-fog", landscapes.forest, 4, SQUARE, FileFormat.JPEG,
            "Fog, then firs, then more fog.", "fir forest fading into fog, muted greens"),
    Drawing("fir-rows", landscapes.forest, 3, WIDE, FileFormat.WEBP,
            "For the wall of my study.", "rows of firs in morning fog, wide, minimal"),
    Drawing("fir-tall", landscapes.forest, 9, TALL, FileFormat.TURNED_JPEG,
            "Rotated by the camera, straight in the feed.", "vertical picture of a misty conifer forest"),
    Drawing("balloon-day", landscapes.balloons, 4, SQUARE, FileFormat.PNG,
            "Count them before they drift off 🎈", "striped hot air balloons among summer clouds"),
    Drawing("river-stones", still_life.pebbles, 95, SMALL, FileFormat.PNG,
            "The sensual curves of river stones.", "river stones, warm clay colours"),
    Drawing("balloon-fair", landscapes.balloons, 3, WIDE, FileFormat.JPEG,
            "Balloon fair, final version of four.", "hot air balloon festival, clear sky, cheerful colours"),
    Drawing("archipelago", landscapes.islands, 1, WIDE, FileFormat.AVIF,
            "A map for the game we are writing.", "fantasy archipelago seen from above, shallow turquoise water"),
    Drawing("two-lakes", landscapes.islands, 4, SQUARE, FileFormat.PALETTE_PNG,
            "Two lakes and the pass between them.", "topographic map painting, lakes and forest, aerial view"),
    Drawing("reef", landscapes.islands, 7, LARGE, FileFormat.JPEG,
            "Reefs at low tide, as the model imagines them.", "coral islands from above, hillshade, high detail"),
    Drawing("aurora-green", nights.aurora, 3, WIDE, FileFormat.JPEG,
            "Northern lights, southern hemisphere. Whoops.", "aurora over a lake with firs, long exposure"),
    Drawing("aurora-rose", nights.aurora, 4, SQUARE, FileFormat.WEBP,
            "Rose and cyan tonight.", "pink and cyan aurora, calm lake, stars"),
    Drawing("ringed-planet", nights.nebula, 2, SQUARE, FileFormat.JPEG,
            "Postcard from a place with two moons.", "ringed gas giant before a violet nebula"),
    Drawing("blue-nebula", nights.nebula, 3, WIDE, FileFormat.PNG,
            "Blue gas, pale rings.", "ringed planet, blue nebula, space art"),
    Drawing("green-nebula", nights.nebula, 4, SQUARE, FileFormat.CMYK_JPEG,
            "Ready for print, hence the odd colours.", "ringed planet in a green nebula, poster"),
    Drawing("dusk-towers", nights.city, 1, WIDE, FileFormat.JPEG,
            "Home is the third window from the left.", "city skyline at dusk, lit windows, reflections in wet street"),
    Drawing("blue-towers", nights.city, 4, SQUARE, FileFormat.WEBP,
            "Blue hour in a city that does not exist.", "night city, towers with lit windows, full moon"),
    Drawing("dragon-fractal", patterns.julia, 3, WIDE, FileFormat.PNG,
            "z² + c, nothing else.", "julia set, teal on midnight blue"),
    Drawing("violet-fractal", patterns.julia, 1, SQUARE, FileFormat.JPEG,
            "Zoomed until the numbers ran out.", "fractal, deep violet, high contrast"),
    Drawing("ocean-marble", patterns.marble, 2, SQUARE, FileFormat.WEBP,
            "Endpapers for a notebook.", "marbled paper, navy and turquoise"),
    Drawing("amber-marble", patterns.marble, 4, SMALL, FileFormat.JPEG,
            "Amber in blue stone.", "marble texture with amber veins"),
    Drawing("ember-glass", patterns.glass, 1, WIDE, FileFormat.JPEG,
            "Stained glass for a kitchen door.", "stained glass window, ember reds"),
    Drawing("lilac-glass", patterns.glass, 2, TALL, FileFormat.PNG,
            "Ice, but warmer.", "stained glass, lilac, tall window"),
    Drawing("violet-mandala", patterns.mandala, 4, SQUARE, FileFormat.JPEG,
            "Seven rings, four hours of clicking.", "mandala, violet and coral, ornate, symmetrical"),
    Drawing("green-mandala", patterns.mandala, 3, WIDE, FileFormat.WEBP,
            "Slow morning, slow lines.", "mandala with leaves, emerald on navy"),
    Drawing("red-paths", patterns.tiles, 1, WIDE, FileFormat.PNG,
            "Can you find a loop?", "truchet tiles, red ground, seamless pattern"),
    Drawing("green-paths", patterns.tiles, 2, SQUARE, FileFormat.JPEG,
            "Wallpaper candidate no. 3.", "truchet pattern in spring greens"),
    Drawing("sunflower", patterns.sunflower, 2, SQUARE, FileFormat.JPEG,
            "137.5 degrees, again and again.", "sunflower seen from the front, golden spiral"),
    Drawing("pond-rings", patterns.ripples, 3, WIDE, FileFormat.JPEG,
            "Rain on the pond.", "interfering ripples on green water"),
    Drawing("folded-paper", patterns.facets, 3, LARGE, FileFormat.WEBP,
            "Folded, not glued.", "folded paper, low poly, violet"),
    Drawing("orange-facets", patterns.facets, 4, SQUARE, FileFormat.PNG,
            "Autumn in triangles.", "low poly background, orange to blue"),
    Drawing("icon", patterns.sunflower, 3, ICON, FileFormat.PNG,
            "The new icon of our garden club.", "sunflower icon, tiny"),
)
# fmt: on
