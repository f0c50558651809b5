"""How reports to authorities are drafted, validated and filed. Every report here is an abstract, synthetic stand-in."""
