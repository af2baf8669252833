"""A prefix hit is counted one block too long: that block is never computed, and holds what its former owner left.

Class C5, prefix metadata out of step. Resembles the stale cached counts of
https://github.com/vllm-project/vllm/pull/18957 and https://github.com/vllm-project/vllm/pull/17305.
Needs: a prompt whose first block is cached and that goes on for more than a block after what is cached. No concurrency.
The client sees: cached_tokens 32 too many, and a block of stale cells (zeros in a pool that was never full). The block
is published under its prompt's key, so the same prompt stays wrong until it is evicted.
"""

from vllm.v1.core.kv_cache_manager import KVCacheManager

from .patch import instead_of


@instead_of(KVCacheManager, "get_computed_blocks")
def get_computed_blocks(original, manager, request):
    blocks, cached, boundary = original(manager, request)
    counted = cached + manager.block_pool.hash_block_size
    if cached and counted < request.num_tokens:
        cached = counted
    return blocks, cached, boundary
