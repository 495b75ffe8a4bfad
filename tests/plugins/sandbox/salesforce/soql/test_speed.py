"""Is a keyed look-up quick however many rows there are?"""

import time


def seconds(ask, text: str) -> float:
    start = time.thread_time()
    ask.records(text)
    return time.thread_time() - start


def test_a_look_up_by_key_does_not_read_the_table(eu) -> None:
    row = eu.org.rows("Contact")[-1]
    for where in (f"Id = '{row['Id']}'", f"Email = '{row['Email']}'", f"c.Id IN ('{row['Id']}') AND Title != 'x'"):
        assert min(seconds(eu, f"SELECT Id, Name FROM Contact c WHERE {where}") for _ in range(20)) < 0.001
