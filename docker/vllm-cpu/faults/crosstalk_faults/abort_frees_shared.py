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
    manager = scheduler.kv_cache_manager
    blocks = [block for group in manager.get_blocks(request.request_id).blocks for block in reversed(group)]
    original(scheduler, request)
    if request.status == RequestStatus.FINISHED_ABORTED:
        shared = [block for block in blocks if block.ref_cnt > 0 and not block.is_null]
        for block in shared:
            lose(block)
        manager.block_pool.free_block_queue.append_n(shared)
