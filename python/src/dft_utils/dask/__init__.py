"""Build and read indexes on a Dask cluster.

::

    from distributed import Client, LocalCluster
    import dft_utils.dask

    if __name__ == "__main__":
        client = Client(LocalCluster(n_workers=4))
        dft_utils.dask.distributed_index("traces", "run.dftagg", "/tmp/stage", "/shared/stage")
        events = dft_utils.dask.read("run.dftagg", "events", granularity="5s")
        print(events.groupby("func_name").time.sum().compute())

:func:`distributed_index` builds the same index as :func:`dft_utils.build`, to the byte of an export, on the workers of
a cluster, and survives the death of workers. :func:`read` returns a table as a Dask DataFrame, which the workers read
in parallel.
"""

try:
    import dask  # noqa: F401
    import distributed  # noqa: F401
except ImportError as error:
    raise ImportError(f"{error}. dft_utils.dask needs Dask: pip install 'dft-utils[dask]'") from error

from .index import distributed_index
from .read import read

__all__ = ["distributed_index", "read"]
