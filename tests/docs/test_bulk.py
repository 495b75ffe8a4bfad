"""Do the blocks of the page on bulk, files and actions run, one after the other?"""

from collections.abc import Callable


def test_the_page_runs(printed: Callable[..., list[str]]) -> None:
    people, *changed, loaded, file, actions, ordered = printed("bulk.md", 6, "sandbox.__exit__(None, None, None)")
    assert int(people.split()[0]) > 10
    assert sum(int(line.split()[0]) for line in changed) > 10
    assert loaded == "0 300 lines, 0 not written"
    assert file == "report.txt 13 Pump 7 drips."
    assert "'order'" in actions
    assert "itsm-" in ordered
