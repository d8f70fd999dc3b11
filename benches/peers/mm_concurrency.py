"""mm-concurrency's AsyncTaskRunner on the same work: python3 -P mm_concurrency.py ready|yield1 TASKS LIMIT ROUNDS.

Prints the median of the rounds, in nanoseconds per task; adding the tasks counts. `-P` keeps this file from being
taken for the package of the same name.
"""

import asyncio
import statistics
import sys
import time

from mm_concurrency import AsyncTaskRunner


async def ready(key: int) -> int:
    return key


async def yield1(key: int) -> int:
    await asyncio.sleep(0)
    return key


async def measure(task, tasks: int, limit: int) -> float:
    start = time.perf_counter_ns()
    runner = AsyncTaskRunner(max_concurrent_tasks=limit)
    for key in range(tasks):
        runner.add(str(key), task(key))
    result = await runner.run()
    assert result.is_ok and len(result.results) == tasks
    return (time.perf_counter_ns() - start) / tasks


def main() -> None:
    task = {"ready": ready, "yield1": yield1}[sys.argv[1]]
    tasks, limit, rounds = map(int, sys.argv[2:5])
    print(statistics.median(asyncio.run(measure(task, tasks, limit)) for _ in range(rounds)))


if __name__ == "__main__":
    main()
