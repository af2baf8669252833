"""A preempted request keeps its count of computed tokens: when it resumes, its new blocks are taken for computed ones.

Class C5, stale counts. Resembles https://github.com/vllm-project/vllm/pull/18957 and, for what preemption leaves
behind, https://github.com/vllm-project/vllm/pull/40768.
Needs: a preemption: more tokens in running requests than the pool holds.
The client sees: the resumed request reads stale cells of its blocks' former owners. They are published under its own
prompt's keys, so later requests with that prefix are wrong too.
"""

from vllm.v1.core.sched.scheduler import Scheduler

from .patch import instead_of


@instead_of(Scheduler, "_preempt_request")
def preempt_request(original, scheduler, request, *args, **kwargs):
    computed = request.num_computed_tokens
    original(scheduler, request, *args, **kwargs)
    request.num_computed_tokens = computed
