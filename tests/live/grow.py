"""grow: a Python program whose heap grows by 64 KiB blocks under churn, and that checks its own data."""
import sys

kept = []
step = 0
print("READY", flush=True)
while True:
    step += 1
    churn = [bytes([step % 251]) * (600 + i % 5000) for i in range(2000)]
    if any(block[0] != step % 251 for block in churn):
        sys.exit("wrong data")
    if step % 4 == 0:
        kept.append(bytearray(65536))
    if len(kept) > 2000:
        kept.clear()
