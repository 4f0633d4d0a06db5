"""Kill writers and let them write at the same time, as benchmarks.durability does at length."""

from benchmarks import durability


def test_killed_writers_lose_and_halve_nothing(database_url: str) -> None:
    durability.fill(database_url)
    killed = durability.kill_writers(database_url, 4)
    assert killed.moments.total() == 4
    assert killed.acknowledged
    assert killed.audit == durability.Audit()


def test_writers_at_the_same_time_lose_no_update(database_url: str) -> None:
    durability.fill(database_url)
    crowd = durability.crowd_writers(database_url, 6, 2)
    assert crowd.total.errors == []
    assert crowd.audit == durability.Audit()
    assert crowd.counted == len(crowd.total.seconds)
    # otherwise nothing was proved: they have got in each other's way
    assert crowd.total.conflicts
