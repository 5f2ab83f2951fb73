using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>
/// Looks from time to time whether a GPU's memory is full. Under Windows, NVIDIA's driver then moves a part of it into main memory, without a
/// word, and steps become many times slower; elsewhere torch fails for want of memory. No figure says that it was moved, so it is a guess.
/// </summary>
/// <param name="read">The device's used and free bytes, all programs'; null where it does not say.</param>
/// <param name="planned">Bytes in use on the device at the run's highest point, as planned; null without a plan.</param>
/// <param name="warn">Told once.</param>
internal sealed class SpillWatch(Func<(long Used, long Free)?> read, long? planned, Action<string> warn)
{
    // The largest batch may come late, so one look is not enough; each opens the driver's library.
    private const int FirstLook = 3;
    private const int StepsBetweenLooks = 50;

    // The driver keeps some of the memory to itself and begins to move before nothing is left.
    private const int FullParts = 25;

    private int steps;
    private bool isDone;

    /// <summary>The watch of a run; null where no driver moves memory.</summary>
    public static SpillWatch? For(Device device, long? planned, Action<string> warn) =>
        OperatingSystem.IsWindows() && device.type == DeviceType.CUDA ? new(() => NvidiaManagement.Memory(Math.Max(0, device.index)), planned, warn) : null;

    /// <summary>Whether memory seems to be moved: less than a 25th is free, and not because the plan is to fill the device just so far.</summary>
    /// <param name="total">The device's bytes.</param>
    /// <param name="free">Those that are free.</param>
    /// <param name="planned">Those in use at the run's highest point, as planned; null without a plan.</param>
    public static bool Seems(long total, long free, long? planned)
    {
        // A plan that fills the device on purpose is no sign of a spill.
        long edge = total / FullParts;
        bool isMeant = planned is long peak && peak > total - edge && peak <= total;
        return free < edge && !isMeant;
    }

    /// <summary>Notes that a step is done.</summary>
    public void OnStep()
    {
        steps++;
        bool isDue = steps == FirstLook || steps % StepsBetweenLooks == 0;
        if (!isDone && isDue && read() is (long used, long free) && Seems(used + free, free, planned))
        {
            isDone = true;
            warn(
                $"The GPU's memory is full: {SizeText.Of(used)} of {SizeText.Of(used + free)}, by all programs. The driver seems to move a part of it into main memory, which makes steps many times slower. Lower -BatchSize or -MaxLength, give a lower -MemoryLimit, or close other programs. With NVIDIA's setting 'CUDA - Sysmem Fallback Policy' at 'Prefer No Sysmem Fallback' such a run fails at once in place of going slowly.");
        }
    }
}
