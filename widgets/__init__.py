"""The screen: ipywidgets and plotly. It computes nothing; every number comes from `lab_core`."""

from widgets.lab import Lab

__all__ = ["Lab"]
