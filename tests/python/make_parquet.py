"""Makes the Parquet files that the tests of apps/trainer read, as pyarrow writes them: with several groups of rows, a dictionary, and compressed.

    python make_parquet.py apps/trainer/fixtures/parquet

Needs pyarrow.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

folder = Path(sys.argv[1])
texts = ["The first row.", "Grüße 🙂", "", "The first row.", "The last row."]
table = pa.table({"title": ["a", "b", "c", "d", "e"], "text": texts, "stars": [1, 2, 3, 4, 5]})
for compression in ("snappy", "zstd"):
    pq.write_table(table, folder / f"rows-{compression}.parquet", compression=compression, row_group_size=2)
pq.write_table(pa.table({"text": ["The first row.", None]}), folder / "null.parquet")
