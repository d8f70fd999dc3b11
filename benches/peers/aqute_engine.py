"""Aqute on the same jobs: python3 -P aqute_engine.py ready|yield1 JOBS WORKERS CAPACITY ROUNDS.

Prints the median of the rounds, in nanoseconds of processor time for each job; adding the jobs and taking the results
out counts. Its results are unbounded, because its documented flow waits for ever if both queues are bounded.
"""

import asyncio
import statistics
import sys
import time

from aqute import Aqute


async def ready(job: int) -> int:
    return job


async def yield1(job: int) -> int:
    await asyncio.sleep(0)
    return job


async def measure(handler, jobs: int, workers: int, capacity: int) -> float:
    start = time.process_time_ns()
    aqute = Aqute(handle_coro=handler, workers_count=workers, input_task_queue_size=capacity)
    aqute.start()
    for job in range(jobs):
        await aqute.add_task(job)
    await aqute.wait_till_end()
    results = aqute.extract_all_results()
    await aqute.stop()
    assert len(results) == jobs and all(task.success for task in results)
    return (time.process_time_ns() - start) / jobs


def main() -> None:
    handler = {"ready": ready, "yield1": yield1}[sys.argv[1]]
    *shape, rounds = map(int, sys.argv[2:6])
    print(statistics.median(asyncio.run(measure(handler, *shape)) for _ in range(rounds)))


if __name__ == "__main__":
    main()
