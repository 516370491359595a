"""What came back, in whichever shape, read as reasoning, answer, finish and usage."""
