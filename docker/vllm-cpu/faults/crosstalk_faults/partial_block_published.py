"""The block in which a chunk of a prompt ends is published as a full one, before its rest is computed.

Class C6, life of a chunked prefill. Resembles https://github.com/sgl-project/sglang/issues/38319 (a chunk goes into the
prefix cache in the middle of its prefill, then the request is aborted).
Needs: a prompt of several chunks, one of which ends inside a block (other requests decode in the same steps, or a
long prefill threshold that is no multiple of the block), cancelled or preempted before its next chunk; then the same
prefix again. With a long prefill threshold, a second prompt with the same prefix in the same step is enough.
The client sees: stale cells at the end of the published block, on every hit until it is evicted.
"""

from vllm.utils.math_utils import cdiv
from vllm.v1.core.single_type_kv_cache_manager import SingleTypeKVCacheManager

from .patch import instead_of


@instead_of(SingleTypeKVCacheManager, "cache_blocks")
def cache_blocks(original, manager, request, num_tokens, *args, **kwargs):
    blocks = min(cdiv(num_tokens, manager.block_size), len(request.block_hashes))
    return original(manager, request, blocks * manager.block_size, *args, **kwargs)
