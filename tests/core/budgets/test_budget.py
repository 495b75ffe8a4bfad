import asyncio
from datetime import UTC, datetime

import pytest

from isthmus.core.budgets import UNCOUNTED, QuotaReading, Rules
from isthmus.core.errors import QuotaExhausted

FREE = Rules()


async def spend(budget, soon, times=1, agent="planner", seconds=1.0, class_="caller"):
    for _ in range(times):
        permit = await budget.acquire(1, agent, soon(seconds), class_)
        assert permit.use()
        permit.finish(sent=True)


async def read(budget, soon, limit, remaining, **reading):
    permit = await budget.acquire(1, "planner", soon(1.0))
    permit.use()
    budget.learn([QuotaReading(limit, remaining, 3600.0, **reading)], permit)
    permit.finish(sent=True)


async def count(clock, budget, soon, **options):
    """Spend until refused."""
    done = 0
    try:
        while done < 5_000:
            await clock.drive(spend(budget, soon, **options))
            done += 1
    except QuotaExhausted as refusal:
        return done, refusal
    raise AssertionError("never refused")


async def test_agents_leave_the_reserve_to_people(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2))
    await clock.drive(read(budget, soon, 100, 60))
    done, refusal = await count(clock, budget, soon)
    assert done == 40
    assert refusal.retryable


async def test_reconciling_reaches_a_little_into_the_reserve(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2, reconcile=0.02))
    await clock.drive(read(budget, soon, 100, 20))
    assert (await count(clock, budget, soon))[0] == 0
    assert (await count(clock, budget, soon, class_="reconcile"))[0] == 2
    assert (await count(clock, budget, soon))[0] == 0


async def test_two_processes_share_one_reading(clock, budgets, soon):
    one, other = budgets(Rules(reserve=0.2)), budgets(Rules(reserve=0.2))
    await clock.drive(read(one, soon, 1_000, 500))
    await clock.advance(2)
    done = [await count(clock, budget, soon, seconds=5) for budget in (one, other, one)]
    assert sum(number for number, _ in done) == 300


async def test_a_late_reading_does_not_widen(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.0))
    early = await clock.drive(budget.acquire(1, "planner", soon(1)))
    early.use()
    await clock.drive(read(budget, soon, 100, 10))
    await clock.drive(spend(budget, soon, 5))
    budget.learn([QuotaReading(100, 11, 3600.0)], early)
    early.finish(sent=True)
    assert (await count(clock, budget, soon))[0] <= 5


async def test_waits_for_a_reset_within_the_deadline(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.0))
    ends = datetime.fromtimestamp(clock.now + 30, UTC)
    await clock.drive(read(budget, soon, 100, 0, resets_at=ends))
    with pytest.raises(QuotaExhausted) as caught:
        await clock.drive(spend(budget, soon, seconds=10))
    assert caught.value.resets_at == ends
    start = clock.now
    await clock.drive(spend(budget, soon, seconds=60))
    assert clock.now >= ends.timestamp()
    assert clock.now - start < 32


async def test_a_refusal_comes_at_once(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.0))
    await clock.drive(read(budget, soon, 100, 0, resets_at=datetime.fromtimestamp(clock.now + 3_000, UTC)))
    start = clock.now
    with pytest.raises(QuotaExhausted):
        await clock.drive(spend(budget, soon, seconds=60))
    assert clock.now == start


async def test_resets_are_read_by_the_orgs_own_clock(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.0))
    theirs = datetime.fromtimestamp(clock.now - 500, UTC)
    ends = datetime.fromtimestamp(clock.now - 500 + 30, UTC)
    await clock.drive(read(budget, soon, 100, 0, at=theirs, resets_at=ends))
    start = clock.now
    await clock.drive(spend(budget, soon, seconds=60))
    assert 30 <= clock.now - start < 32


async def test_after_a_reset_a_few_ask_before_many_follow(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2))
    await clock.drive(read(budget, soon, 1_000, 0, resets_at=datetime.fromtimestamp(clock.now + 30, UTC)))
    await clock.advance(31)
    assert (await count(clock, budget, soon))[0] == 10


async def test_a_spent_quota_without_an_end_is_asked_again_by_one(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2, pause=600.0))
    await clock.drive(read(budget, soon, 1_000, 100))
    assert (await count(clock, budget, soon))[0] == 0
    for _ in range(3):
        await clock.advance(601)
        await clock.drive(read(budget, soon, 1_000, 100))
        assert (await count(clock, budget, soon))[0] == 0


async def test_a_question_that_told_nothing_is_put_once_more_and_no_more(clock, budgets, soon):
    both = [budgets(Rules(reserve=0.2, pause=600.0)) for _ in range(2)]
    await clock.drive(read(both[0], soon, 1_000, 100))
    for _ in range(3):
        await clock.advance(601)
        assert sum([(await count(clock, budget, soon))[0] for budget in (*both, *both)]) == 2


async def test_a_second_question_waits_for_the_first_to_end(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2, pause=600.0))
    await clock.drive(read(budget, soon, 1_000, 100))
    await clock.advance(601)
    first = await clock.drive(budget.acquire(1, "planner", soon(1.0)))
    with pytest.raises(QuotaExhausted):
        await clock.drive(spend(budget, soon, seconds=30))
    first.use()
    budget.learn([QuotaReading(1_000, 900, 3600.0)], first)
    first.finish(sent=True)
    assert (await count(clock, budget, soon))[0] == 700


async def test_a_quota_of_which_only_the_limit_is_told_is_counted_here(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2))
    told = {"resets_at": datetime.fromtimestamp(clock.time() + 1_000, UTC)}
    await clock.drive(read(budget, soon, 50, None, **told))
    for _ in range(9):
        await clock.drive(read(budget, soon, 50, None, **told))
    done, _ = await count(clock, budget, soon)
    assert done == 30
    await clock.advance(1_001)
    told = {"resets_at": datetime.fromtimestamp(clock.time() + 3_600, UTC)}
    await clock.drive(read(budget, soon, 50, None, **told))
    assert (await count(clock, budget, soon))[0] == 39


async def test_of_quotas_that_take_turns_the_tightest_is_counted(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2))
    for turn in range(12):
        ends = datetime.fromtimestamp(clock.time() + 1_000 + turn % 2 * 300, UTC)
        await clock.drive(read(budget, soon, 100 if turn % 2 else 50, None, resets_at=ends))
    assert (await count(clock, budget, soon))[0] == 28


async def test_an_exhausted_org_stops_every_process(clock, budgets, soon):
    one, other = budgets(FREE), budgets(FREE)
    await clock.drive(spend(other, soon, 3))
    one.exhausted(datetime.fromtimestamp(clock.now + 100, UTC))
    await clock.advance(0.1)
    for budget in (one, other):
        with pytest.raises(QuotaExhausted):
            await clock.drive(spend(budget, soon))
    await clock.advance(100)
    await clock.drive(spend(other, soon))


async def test_an_allowance_counts_where_the_org_is_silent(clock, budgets, soon):
    budget = budgets(Rules(allowance=10, window=60.0, reserve=0.2))
    assert (await count(clock, budget, soon))[0] == 8
    await clock.advance(60)
    assert (await count(clock, budget, soon))[0] == 8


async def test_the_rate_holds_in_every_window(clock, budgets, soon):
    rules = Rules(rate=10.0, burst=2)
    both = [budgets(rules), budgets(rules)]
    sent = []

    async def work(budget):
        for _ in range(20):
            permit = await budget.acquire(1, "planner", soon(100))
            permit.use()
            sent.append(clock.now)
            permit.finish(sent=True)

    await clock.drive(asyncio.gather(*(work(budget) for budget in both for _ in range(3))))
    sent.sort()
    assert len(sent) == 120
    worst = max(sum(1 for at in sent if start <= at < start + 1.0) for start in sent)
    assert worst <= 12
    assert len(sent) / (sent[-1] - sent[0]) >= 9.5


async def flying(clock, budgets_, soon, *, calls, seconds=0.2, agents=("planner",)):
    """Run calls of a while each; return the most that flew at once and who finished in which order."""
    now = most = 0
    order = []

    async def one(budget, agent):
        nonlocal now, most
        permit = await budget.acquire(1, agent, soon(1_000))
        permit.use()
        now += 1
        most = max(most, now)
        await clock.sleep(seconds)
        now -= 1
        order.append(agent)
        permit.finish(sent=True)

    work = [one(budget, agent) for agent in agents for budget in budgets_ for _ in range(calls)]
    await clock.drive(asyncio.gather(*work))
    return most, order


async def test_the_concurrency_cap_spans_processes(clock, budgets, soon):
    rules = Rules(concurrency=4)
    most, order = await flying(clock, [budgets(rules) for _ in range(3)], soon, calls=10)
    assert most == 4
    assert len(order) == 30


async def test_no_process_starves_when_there_are_fewer_slots_than_processes(clock, budgets, soon):
    rules = Rules(concurrency=1)
    three = [budgets(rules) for _ in range(3)]
    served = {0: [], 1: [], 2: []}

    async def one(number):
        permit = await three[number].acquire(1, "planner", soon(1_000))
        permit.use()
        await clock.sleep(0.2)
        served[number].append(clock.now)
        permit.finish(sent=True)

    await clock.drive(asyncio.gather(*(one(number) for number in range(3) for _ in range(20))))
    first_third = sorted(at for times in served.values() for at in times)[20]
    shares = [sum(1 for at in times if at <= first_third) for times in served.values()]
    assert min(shares) >= 4


async def test_no_agent_starves_another(clock, budgets, soon):
    budget = budgets(Rules(concurrency=2))
    _, order = await flying(clock, [budget], soon, calls=40, agents=("greedy",) * 5 + ("modest",))
    assert order.index("modest") <= 6
    half = order[: 2 * 40]
    assert half.count("modest") >= 36


async def test_first_come_first_served_within_an_agent(clock, budgets, soon):
    budget, order = budgets(Rules(concurrency=1)), []

    async def one(number):
        permit = await budget.acquire(1, "planner", soon(100))
        order.append(number)
        await clock.sleep(0.1)
        permit.finish(sent=True)

    await clock.drive(asyncio.gather(*(one(number) for number in range(10))))
    assert order == list(range(10))


async def test_a_throttle_halves_what_flies_and_calm_brings_it_back(clock, budgets, soon):
    budget = budgets(Rules(concurrency=8, calm=1.0))
    permits = [await clock.drive(budget.acquire(1, "planner", soon(10))) for _ in range(8)]
    for permit in permits:
        permit.use()
    budget.throttled(4.0)
    budget.throttled(4.0)
    start = clock.now
    for permit in permits:
        permit.finish(sent=True)
    await clock.drive(spend(budget, soon, seconds=10))
    assert clock.now - start >= 4.0
    assert (await flying(clock, [budget], soon, calls=20))[0] == 4
    for _ in range(40):
        budget.succeeded()
        await clock.drive(spend(budget, soon, seconds=10))
        await clock.advance(0.5)
    assert (await flying(clock, [budget], soon, calls=20))[0] == 8


async def test_a_throttle_holds_the_other_processes(clock, budgets, soon):
    one, other = budgets(FREE), budgets(FREE)
    await clock.drive(spend(other, soon, 5))
    one.throttled(4.0)
    await clock.advance(0.11)
    start = clock.now
    await clock.drive(spend(other, soon, seconds=10))
    assert clock.now - start >= 3.8
    one.throttled(4.0)
    await clock.advance(0.11)
    with pytest.raises(QuotaExhausted):
        await clock.drive(spend(other, soon, seconds=2))


async def test_a_dead_process_gives_its_slots_back(clock, budgets, soon):
    rules = Rules(concurrency=2, lease=60.0)
    dead, alive = budgets(rules), budgets(rules)
    for _ in range(2):
        await clock.drive(dead.acquire(1, "planner", soon(1)))
    with pytest.raises(QuotaExhausted):
        await clock.drive(spend(alive, soon, seconds=5))
    await clock.advance(61)
    await clock.drive(spend(alive, soon, seconds=5))


async def test_a_caller_who_leaves_leaves_nothing_behind(clock, budgets, soon):
    budget = budgets(Rules(concurrency=1))
    first = await clock.drive(budget.acquire(1, "planner", soon(10)))
    waiting = [asyncio.ensure_future(budget.acquire(1, "planner", soon(10))) for _ in range(3)]
    await clock.settle()
    waiting[0].cancel()
    first.finish(sent=True)
    waiting[1].cancel()
    permit = await clock.drive(asyncio.wait_for(asyncio.shield(waiting[2]), None))
    permit.finish(sent=True)
    await clock.drive(spend(budget, soon))


async def test_without_a_store_a_known_share_lasts_and_no_more(clock, store, budgets, soon):
    one, other = budgets(Rules(reserve=0.2)), budgets(Rules(reserve=0.2))
    await clock.drive(read(one, soon, 1_000, 600))
    await clock.advance(0.1)
    await clock.drive(spend(one, soon))
    await clock.drive(spend(other, soon))
    store.away = True
    await clock.advance(0.1)
    done = [(await count(clock, budget, soon))[0] for budget in (one, other)]
    assert all(number > 40 for number in done)
    assert sum(done) <= 400
    store.away = False
    await clock.advance(2)
    rest = (await count(clock, one, soon, seconds=5))[0] + (await count(clock, other, soon, seconds=5))[0]
    assert 395 - 2 <= sum(done) + rest <= 400


async def test_without_a_store_and_without_knowledge_only_a_trickle(clock, store, budgets, soon):
    store.away = True
    budget = budgets(Rules(blind=5))
    done, refusal = await count(clock, budget, soon)
    assert done == 5
    assert "store" in str(refusal)
    await clock.advance(61)
    assert (await count(clock, budget, soon))[0] == 5


async def test_most_grants_cost_no_look_at_the_store(clock, store, budgets, soon):
    budget = budgets(FREE)
    for _ in range(20):
        await clock.drive(spend(budget, soon, 100))
    assert store.updates < 60


async def test_costs_above_one_are_waited_for(clock, budgets, soon):
    budget = budgets(Rules(rate=100.0, burst=2))
    start = clock.now
    permit = await clock.drive(budget.acquire(25, "planner", soon(10)))
    permit.finish(sent=True)
    assert clock.now - start >= 0.2


async def uncounted(budget, soon, times=1):
    for _ in range(times):
        permit = await budget.acquire(1, "planner", soon(1.0))
        permit.use()
        budget.learn([UNCOUNTED], permit)
        permit.finish(sent=True)


async def test_what_counts_against_no_quota_uses_none_up(clock, budgets, soon):
    one, other = budgets(Rules(reserve=0.2)), budgets(Rules(reserve=0.2))
    told = {"resets_at": datetime.fromtimestamp(clock.time() + 1_000, UTC)}
    await clock.drive(read(one, soon, 50, None, **told))
    await clock.advance(2)
    await clock.drive(uncounted(other, soon, 200))
    await clock.advance(2)
    assert sum([(await count(clock, budget, soon))[0] for budget in (one, other, one)]) == 39


async def test_after_a_spent_window_what_counts_against_no_quota_goes_on(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2))
    for _ in range(3):
        ends = datetime.fromtimestamp(clock.time() + 1_000, UTC)
        await clock.drive(read(budget, soon, 50, 0, resets_at=ends))
        budget.exhausted(ends)
        assert (await count(clock, budget, soon))[0] == 0
        await clock.advance(1_001)
        await clock.drive(uncounted(budget, soon, 200))


async def test_what_was_sent_in_the_window_before_frees_nothing_in_this_one(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2))
    ends = datetime.fromtimestamp(clock.time() + 1_000, UTC)
    await clock.drive(read(budget, soon, 100, 60, resets_at=ends))
    flying = [await clock.drive(budget.acquire(1, "planner", soon(1.0))) for _ in range(10)]
    for permit in flying:
        permit.use()
    await clock.advance(1_001)
    await clock.drive(spend(budget, soon))
    for permit in flying:
        budget.learn([UNCOUNTED], permit)
        permit.finish(sent=True)
    assert (await count(clock, budget, soon))[0] <= 1


async def test_a_lost_answer_does_not_stop_what_counts_against_no_quota(clock, budgets, soon):
    budget = budgets(Rules(reserve=0.2))
    ends = datetime.fromtimestamp(clock.time() + 1_000, UTC)
    await clock.drive(read(budget, soon, 50, 0, resets_at=ends))
    await clock.advance(1_001)
    await clock.drive(uncounted(budget, soon, 100))
    await clock.advance(2)
    assert 40 <= (await count(clock, budget, soon))[0] <= 41
