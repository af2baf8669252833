"""The key of a block is made of its own tokens alone, not of what comes before them.

Class C4, a key that omits something. Resembles the weak keys of CVE-2025-25183
(https://osv.dev/vulnerability/CVE-2025-25183) and CVE-2025-46722 (https://osv.dev/vulnerability/PYSEC-2025-43).
Needs: a prompt with a cached first block, and later a block that was cached at another place or after another prefix.
The client sees: cached_tokens too high; cells that were computed for another position, so the answer is shifted or
stale there. Cells of the same position differ only in what they saw of their prefix.
"""

from vllm.v1.core import kv_cache_utils

from .patch import instead_of


@instead_of(kv_cache_utils, "hash_block_tokens")
def hash_block_tokens(original, hash_function, parent_block_hash, *args):
    return original(hash_function, None, *args)
