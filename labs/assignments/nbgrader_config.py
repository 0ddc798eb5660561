"""The course: how released cells look, how long a cell may run while graded, and what comes back."""

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import ClearHiddenTests, GetGrades

c = get_config()  # type: ignore[name-defined]  # noqa: F821

c.CourseDirectory.course_id = "edgewise"
# What takes the place of a solution: it runs, so that an unfinished notebook runs to its end.
c.ClearSolutions.code_stub = {"python": "pass  # YOUR CODE HERE"}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
# A cell that does not end is interrupted, and the rest is graded. The tests of a part stop themselves
# after 15 s of computing (lab_core/course.py), so that what they found by then counts.
c.Execute.timeout = 30
c.Execute.interrupt_on_timeout = True
# A loop that also swallows the interrupt, or prints without end, must not end the grading.
c.Execute.raise_on_iopub_timeout = False
# Feedback has the sentences of the tests; nbgrader alone would print the hidden tests, too.
c.GenerateFeedback.preprocessors = [GetGrades, ClearHiddenTests, CSSHTMLHeaderPreprocessor]
