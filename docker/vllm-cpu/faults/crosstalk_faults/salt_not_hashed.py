"""The key of a block leaves the cache salt out.

Class C4 and C18, a key that omits something and the side channel that it opens. Resembles
https://github.com/vllm-project/vllm/pull/51640 and https://github.com/LMCache/LMCache/issues/4825 (external keys without
the salt).
Needs: the same first block under two salts, or under one and none.
The client sees: cached_tokens above 0 under a salt that nobody used before, and a faster first token. The answer is
right, because equal tokens have equal cells: no read of the cells can find this one.
"""

from vllm.v1.core import kv_cache_utils

from .patch import instead_of


@instead_of(kv_cache_utils, "generate_block_hash_extra_keys")
def extra_keys(original, request, *args):
    keys, multimodal_index = original(request, *args)
    return tuple(key for key in keys or () if key[0] != "cache_salt") or None, multimodal_index
