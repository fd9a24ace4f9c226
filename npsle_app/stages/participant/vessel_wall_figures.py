"""Draw what the stage vessel_wall measured."""

from npsle_app.records import FigureRecord

FIGURES: tuple[FigureRecord, ...] = ()
