"""What a page without a kernel has: explorers with their frames, and the same Python in a worker for all else."""
