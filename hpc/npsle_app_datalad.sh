#!/bin/bash
# DataLad: each participant by `datalad containers-run`, which records image, inputs and outputs.
#   bash FILE FOLDER      makes the dataset FOLDER, or goes on in it
# Made by npsle_app BIDS OUT participant --print-job datalad.
set -euo pipefail
bids=/path/to/bids
image=/path/to/npsle_app.sif
participants=(
  01
  02
  03
)
folder=${1:?give the folder of the dataset}

if [ ! -d "$folder/.datalad" ]; then
  datalad create -c text2git "$folder"
  datalad clone -d "$folder" "$bids" "$folder/inputs/bids"
  datalad containers-add -d "$folder" npsle_app --url "$image" \
    --call-fmt 'apptainer run --cleanenv --containall --bind "$PWD" --pwd "$PWD" {img} {cmd}'
fi
cd "$folder"

record() { # MESSAGE INPUT LEVEL OPTIONS...
  local message=$1 input=$2
  shift 2
  # outputs are unlocked by their names; the app unlinks what it makes anew
  datalad containers-run -n npsle_app -m "$message" --input "$input" \
    --input inputs/bids/dataset_description.json --output outputs \
    "inputs/bids outputs $* --skip-bids-validation"
}

for participant in "${participants[@]}"; do
  record "npsle_app sub-$participant" "inputs/bids/sub-$participant" \
    participant --participant-label "$participant"
done
record "npsle_app group" "inputs/bids/participants.*" group
