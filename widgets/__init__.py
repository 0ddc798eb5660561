"""The screen: ipywidgets and plotly. It computes nothing; every number comes from `lab_core`."""

from widgets.curve import CurveLab
from widgets.fractal import FractalPage
from widgets.lab import Lab
from widgets.optimizer_card import OptimizerCard
from widgets.phase import PhaseDiagram

__all__ = ["CurveLab", "FractalPage", "Lab", "OptimizerCard", "PhaseDiagram"]
