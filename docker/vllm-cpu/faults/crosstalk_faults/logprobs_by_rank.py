"""The log-probabilities of a step have a row for every request, but are looked up as if only those that ask had one.

Class C13, rows of logits. Resembles https://github.com/vllm-project/vllm/pull/29216 (rows of log-probabilities that do
not count the discarded ones).
Needs: a request that asks for `logprobs`, and in a lower row one that does not.
The client sees: the right token with a neighbour's log-probability and alternatives, so also the neighbour's token.
"""

from vllm.v1.core.sched.scheduler import Scheduler

from .patch import instead_of


class RowsOfAskers:
    """The log-probabilities of a step, looked up by the rank of a row among those that ask."""

    def __init__(self, logprobs, asking: list[int]) -> None:
        self.logprobs = logprobs
        self.asking = asking

    def slice_request(self, row: int, num_positions: int):
        own = self.logprobs.slice_request(row, num_positions)
        read = self.logprobs.slice_request(self.asking.index(row), num_positions)
        names = read.logprob_token_ids.copy()
        names[:, 0] = own.logprob_token_ids[:, 0]  # the sampled token: the API server looks it up by its name
        return read._replace(logprob_token_ids=names)


@instead_of(Scheduler, "update_from_output")
def update_from_output(original, scheduler, scheduler_output, output):
    if output.logprobs is not None:
        asking = [
            row
            for request, row in output.req_id_to_index.items()
            if request in scheduler.requests
            and scheduler.requests[request].sampling_params.num_logprobs is not None
        ]
        output.logprobs = RowsOfAskers(output.logprobs, sorted(asking))
    return original(scheduler, scheduler_output, output)
