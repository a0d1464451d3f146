"""What people contribute: judged by the shapes, each fault told at its place, with a way out."""
