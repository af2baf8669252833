"""The tokens of a step are handed out in the order in which the scheduler listed the requests, not in the order of the
batch's rows.

Class C7 and C13, batch rows mixed up. Resembles https://github.com/ProjectDMX/DMI/issues/67 (rows taken in the order of
the schedule) and https://github.com/unslothai/llama.cpp/pull/182.
Needs: three requests decode; the one in the lowest row ends or is cancelled, so that the last one moves before those
that came earlier.
The client sees: two answers that have changed places, until one of them ends. The scheduler believes the wrong tokens,
so the blocks they are in get keys that do not fit their cells.
"""

from vllm.v1.core.sched.scheduler import Scheduler

from .patch import instead_of


@instead_of(Scheduler, "update_from_output")
def update_from_output(original, scheduler, scheduler_output, output):
    tokens = output.sampled_token_ids
    rows = output.req_id_to_index
    if tokens:
        output.req_id_to_index = {
            # A row in the middle of its prompt has no token. Whoever got that instead of one would wait for ever.
            request: place if len(tokens[place]) == len(tokens[rows[request]]) else rows[request]
            for place, request in enumerate(scheduler_output.num_scheduled_tokens)
        }
    return original(scheduler, scheduler_output, output)
