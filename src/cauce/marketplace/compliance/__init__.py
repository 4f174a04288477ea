"""What keeps the platform out of second clearing: licences, self-check, go-live gate, channel choice.

No live money moves before the gate; the holder of other people's money is licensed for it.
"""
