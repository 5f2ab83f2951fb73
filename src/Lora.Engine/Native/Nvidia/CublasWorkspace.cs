using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Native;

/// <summary>
/// The memory that libtorch takes for cuBLAS at a thread's first product on a device, and keeps (ATen/cuda/CublasHandlePool.cpp, parseChosenWorkspaceSize and
/// parseCUDABlasLtWorkspaceSize). All products of a run are one thread's.
/// </summary>
internal static partial class CublasWorkspace
{
    private const long Kilobyte = 1 << 10;

    // :4096:2:16:8 before Hopper, and 32 MiB from then on.
    private const long Usual = ((4096 * 2) + (16 * 8)) * Kilobyte;
    private const long OfHopper = 32 << 20;
    private const int Hopper = 9;

    // cuBLASLt's, for products with a bias, is memory of its own in libtorch 2.10.
    private const long Light = 1024;

    /// <summary>Bytes of both.</summary>
    /// <param name="generation">Major number of the card's compute capability; null where it is not known: then the most.</param>
    /// <param name="environment">What is set where libtorch looks.</param>
    public static long Bytes(int? generation, Func<string, string?> environment)
    {
        long light = long.TryParse(environment("CUBLASLT_WORKSPACE_SIZE"), NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes) ? kilobytes : Light;
        return (Configured(environment("CUBLAS_WORKSPACE_CONFIG")) ?? (generation < Hopper ? Usual : OfHopper)) + (light * Kilobyte);
    }

    /// <summary>As NVIDIA writes it: pairs of kilobytes and how many of them; null where there is no pair.</summary>
    private static long? Configured(string? text)
    {
        (long Size, long Count)[] pairs =
        [
            .. from match in Pair().Matches(text ?? "")
               select (long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), long.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)),
        ];
        return pairs.Length == 0 ? null : pairs.Sum(pair => pair.Size * pair.Count) * Kilobyte;
    }

    // Numbers that are longer are no sizes.
    [GeneratedRegex(":([0-9]{1,9}):([0-9]{1,9})", RegexOptions.CultureInvariant)]
    private static partial Regex Pair();
}
