"""The screen: ipywidgets and plotly. It computes nothing; every number comes from `lab_core`."""

from widgets.box import Box
from widgets.curve import CurveLab
from widgets.fractal import FractalPage
from widgets.lab import Lab
from widgets.optimizer_card import OptimizerCard
from widgets.phase import PhaseDiagram

__all__ = ["Box", "CurveLab", "FractalPage", "Lab", "OptimizerCard", "PhaseDiagram"]
