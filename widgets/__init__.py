"""The screen: ipywidgets and plotly. It computes nothing; every number comes from `lab_core`."""

from widgets.lab import Lab
from widgets.phase import PhaseDiagram

__all__ = ["Lab", "PhaseDiagram"]
