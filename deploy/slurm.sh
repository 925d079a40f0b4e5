#!/bin/bash
# Trains on several machines under SLURM, one process a machine with all its GPUs:
#
#   sbatch --nodes 4 deploy/slurm.sh --data tfds:cifar10 --network conv --batch-size 1024
#
# The options are those of `tfvae train`. RUN is the run folder (runs/slurm-JOB), which all machines have to see. A worker
# that dies ends the step, which is started again and goes on with the newest checkpoint, RESTARTS times at most. SIGTERM,
# before the time limit or on `scancel --signal=TERM`, saves; then the job is put back into the queue under its number.
#SBATCH --job-name=tfvae
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=tfvae-%j.log
set -euo pipefail

RUN=${RUN:-runs/slurm-$SLURM_JOB_ID}
RESTARTS=${RESTARTS:-5}
SAVED=75 # how tfvae ends after SIGTERM

for ((attempt = 0; attempt <= RESTARTS; attempt++)); do
    resume=()
    # Asked once for all workers: the first of them soon writes that file.
    if [ -f "$RUN/config.yaml" ]; then resume=(--resume); fi
    code=0
    # Workers end by themselves when one is lost, and the first one may still have to save: minutes, not at once.
    srun --kill-on-bad-exit=0 --wait=600 tfvae train --strategy multiworker "$@" --out "$RUN" "${resume[@]}" || code=$?
    case $code in
    0) exit 0 ;;
    "$SAVED")
        scontrol requeue "$SLURM_JOB_ID"
        exit 0
        ;;
    esac
    echo "The step ended with code $code after start $((attempt + 1)) of $((RESTARTS + 1))." >&2
done
exit "$code"
