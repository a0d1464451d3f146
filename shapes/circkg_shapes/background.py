"""stub"""


class Background:
    pass
