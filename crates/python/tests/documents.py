"""The code in documents, as a reader would paste it."""

import re


def blocks(text, language):
    """Returns the blocks of code in a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def section(text, title):
    """Returns the section of a document that has a title."""
    return re.search(rf"^(#+) {re.escape(title)}$(.*?)(?=^\1 |\Z)", text, re.DOTALL | re.MULTILINE)[2]


def run(path, least):
    """Runs the Python blocks of a document in order; checks that there are enough."""
    found = blocks(path.read_text(), "python")
    assert len(found) >= least
    names = {"__name__": path.stem}
    for block in found:
        exec(compile(block, str(path), "exec"), names)
