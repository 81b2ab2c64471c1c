"""Charts as SVG drawn here: a title and a description for who listens, the numbers in a table behind each."""

from edge.monitor.web.charts.bars import Bar, bars, distribution
from edge.monitor.web.charts.figure import figure
from edge.monitor.web.charts.heat import HeatRow, heat_map
from edge.monitor.web.charts.lines import ChartLine, lines

__all__ = ["Bar", "ChartLine", "HeatRow", "bars", "distribution", "figure", "heat_map", "lines"]
