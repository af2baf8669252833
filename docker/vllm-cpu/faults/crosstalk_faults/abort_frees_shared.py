"""A cancelled request gives its blocks back for good, those too that other running requests share.

Class C2, freed while in use. Resembles SGLang's free on abort (https://github.com/sgl-project/sglang/issues/24527) and
vllm-ascend's (https://github.com/vllm-project/vllm-ascend/issues/14055).
Needs: two running requests with the same first block; one is cancelled; so many new blocks are taken that the pool
comes round to the shared ones while the other still runs.
The client sees: a request that was not cancelled reads another request's cells in its shared prefix.
"""

from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.request import RequestStatus

from .lost_references import lose
from .patch import instead_of


@instead_of(Scheduler, "_free_request_blocks")
def free_request_blocks(original, scheduler, request):
    if request.status == RequestStatus.FINISHED_ABORTED:
        for group in scheduler.kv_cache_manager.get_blocks(request.request_id).blocks:
            for block in group:
                lose(block, block.ref_cnt - 1)
    original(scheduler, request)
