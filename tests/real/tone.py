"""A pure tone as a sound file, and the tone found in one."""
import array
import math
import wave

RATE_HZ = 8000
LEVEL = 0.5  # of full scale


def write(path, frequency_hz, seconds=60):
    """A mono file of 16-bit samples."""
    step = 2 * math.pi * frequency_hz / RATE_HZ
    samples = array.array("h", (int(32767 * LEVEL * math.sin(step * i)) for i in range(RATE_HZ * seconds)))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples.tobytes())


def measure(path):
    """Seconds of sound, its strongest frequency in Hz, the share (0..1) of all energy that is in it, level in dBFS."""
    with wave.open(str(path), "rb") as sound:
        rate = sound.getframerate()
        assert sound.getnchannels() == 1 and sound.getsampwidth() == 2, "expected mono, 16 bits"
        samples = array.array("h", sound.readframes(sound.getnframes()))
    seconds = len(samples) / rate
    middle = samples[int(0.4 * rate):int(-0.2 * rate)][:2 * rate]
    energy = sum(x * x for x in middle)
    if not energy:
        return {"seconds": seconds, "frequency_hz": 0, "share": 0.0, "level_dbfs": -100.0}
    coarse = max(range(200, 3000, 20), key=lambda hz: _power(middle[:1600], hz, rate))
    best = max(range(coarse - 20, coarse + 21), key=lambda hz: _power(middle, hz, rate))
    return {
        "seconds": round(seconds, 2),
        "frequency_hz": best,
        "share": round(2 * _power(middle, best, rate) / (len(middle) * energy), 3),
        "level_dbfs": round(10 * math.log10(energy / len(middle) / 32768**2), 1),
    }


def _power(samples, frequency_hz, rate):
    """Goertzel: the squared magnitude of one bin."""
    c = 2 * math.cos(2 * math.pi * frequency_hz / rate)
    a = b = 0.0
    for x in samples:
        a, b = x + c * a - b, a
    return a * a + b * b - c * a * b
