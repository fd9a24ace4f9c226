"""What is told of machine, libraries and container."""

import struct

from npsle_app.engine.surroundings import describe_host, find_container, list_libraries


def test_libraries_are_followed_to_the_last():
    found = list_libraries("npsle-app") or list_libraries("pybids")
    assert {"nibabel", "numpy", "packaging"} <= set(found)
    assert list_libraries("no-such-distribution") == {}


def test_extras_that_were_not_asked_for_are_no_libraries():
    assert "pytest" not in list_libraries("nibabel")


def test_the_kernel_of_linear_algebra_is_named():
    assert describe_host()["blas"]


def test_an_image_of_apptainer_is_known_by_its_header(tmp_path):
    image = tmp_path / "npsle_app.sif"
    identity = bytes(range(16))
    image.write_bytes(
        struct.pack("32s10s3s3s16s", b"#!/usr/bin/env run", b"SIF_MAGIC", b"01", b"02", identity)
    )
    told = find_container({"APPTAINER_CONTAINER": str(image)})
    assert told == {
        "type": "apptainer",
        "image": "npsle_app.sif",
        "digest": "sif:000102030405060708090a0b0c0d0e0f",
    }


def test_a_sandbox_of_apptainer_has_no_digest(tmp_path):
    told = find_container({"SINGULARITY_CONTAINER": str(tmp_path)})
    assert told["digest"] == ""


def test_of_a_digest_that_was_told_the_digest_is_kept_apart():
    told = find_container({"NPSLE_APP_IMAGE": "lab/app@sha256:" + "0" * 64})
    assert told["digest"] == "sha256:" + "0" * 64
    assert told["image"].startswith("lab/app@")
