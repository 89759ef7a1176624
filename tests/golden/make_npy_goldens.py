"""Files NumPy writes, as the tests of .npy and .npz read them; and the check of the way back.

Made with NumPy 1.24.2. Run:
    python3 make_npy_goldens.py [directory]       writes npy.json (the bytes of .npy files in hexadecimal) and *.npz
    interchange_npz --folder=FOLDER               writes out.npy, out.npz and stored.npz there
    python3 make_npy_goldens.py --check FOLDER    reads those
"""

import io
import json
import pathlib
import sys

import numpy as np

VALUES = {"f": [0.5, -1, 2, 65504, -0.0, 0.25], "i": [0, 1, -2, 100, 127, -128], "u": [0, 1, 2, 100, 200, 255],
          "b": [1, 0, 1, 1, 0, 1]}


def file_of(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue().hex()


def make(folder):
    files = {}
    for kind in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]:
        for order, name in (("<", "little"), (">", "big")):
            files[f"{kind}_{name}"] = file_of(np.array(VALUES[kind[0]]).astype(order + kind).reshape(2, 3))
    counted = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    files["counted"] = file_of(counted)
    files["counted_fortran"] = file_of(np.asfortranarray(counted))
    files["counted_fortran_big"] = file_of(np.asfortranarray(counted.astype(">u2")))
    files["version_2"], files["version_3"] = file_of(counted, (2, 0)), file_of(counted, (3, 0))
    files["scalar"], files["vector"] = file_of(np.float32(2.5)), file_of(np.float32([1.5, 2.5]))
    files["empty"] = file_of(np.zeros((0, 3), np.float32))
    files["complex"], files["text"] = file_of(np.zeros(2, np.complex64)), file_of(np.array(["a", "b"]))
    files["structure"] = file_of(np.zeros(2, np.dtype([("a", "<f4")])))
    files["object"] = file_of(np.array([None, 1], dtype=object))
    (folder / "npy.json").write_text(json.dumps({"files": files}, separators=(",", ":")) + "\n")
    arrays = {"weight": counted, "layer/bias": np.asfortranarray(counted[0].astype(">f8")), "steps": np.int64(7)}
    np.savez(folder / "numpy_stored.npz", **arrays)
    np.savez_compressed(folder / "numpy_deflated.npz", **arrays)


def check(folder):
    counted = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    one = np.load(folder / "out.npy", allow_pickle=False)
    assert one.dtype == np.float32 and np.array_equal(one, counted)
    for name in ("out.npz", "stored.npz"):
        with np.load(folder / name, allow_pickle=False) as archive:
            assert archive.files == ["weight", "layer/indices", "scalar"]
            assert np.array_equal(archive["weight"], counted)
            assert archive["layer/indices"].dtype == np.uint32 and archive["layer/indices"].tolist() == [0, 1, 2**32 - 1]
            assert archive["scalar"].shape == () and archive["scalar"] == 2.5
    print("NumPy", np.__version__, "reads out.npy, out.npz and stored.npz")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(pathlib.Path(sys.argv[2]))
    else:
        make(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data"))
