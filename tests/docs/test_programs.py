"""Do the blocks of the page for programs run, one after the other?"""

from collections.abc import Callable


def test_the_page_for_programs_runs(printed: Callable[..., list[str]]):
    *shown, encoded, ids = printed("programs.md", 4, "sandbox.__exit__(None, None, None)", "print(note.id, made['id'])")
    assert len(shown) == 3
    assert all("Ref(token='ref_" in line for line in shown)
    assert "ref_" in encoded
    assert "@" not in encoded
    assert len(ids.split()) == 2
