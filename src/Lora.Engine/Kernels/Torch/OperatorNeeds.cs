using System.Globalization;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// What operators of libtorch 2.10 ask of a card and of their tensors, told before they are called: one that is called where it does not fit fails in the
/// middle of a run. What is not known of a card counts as not there.
/// </summary>
/// <remarks>
/// Every operator that a step launches on a card stands in a row; a test derives them from steps on META. The sources are files of PyTorch below aten/src. cuDNN's
/// attention is not among them: its gradients are others each time, which torch knows too (sdp_utils.cpp: check_cudnn_deterministic), and the same seed is to
/// give the same run.
/// </remarks>
internal sealed partial record OperatorNeeds
{
    /// <summary>The operators, with their namespace.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>The one that is spoken of.</summary>
    public string Name => Names[0];

    /// <summary>
    /// What a run does where they cannot be called; null where nothing takes their place: they serve every card of libtorch's in each dtype that a run can have.
    /// </summary>
    public string? Instead { get; init; }

    /// <summary>Dtypes, and the earliest generation that computes in each; null for every one that libtorch serves.</summary>
    public required IReadOnlyList<(ScalarType Type, Version? Earliest)> Types { get; init; }

    /// <summary>The last generation that they are built for; null for all to come.</summary>
    public Version? Latest { get; init; }

    /// <summary>What they ask of heads; null where they know none.</summary>
    public HeadNeeds? Heads { get; init; }

    /// <summary>Whether libtorch's build for Windows has them.</summary>
    public bool IsOnWindows { get; init; } = true;

    /// <summary>Whether libtorch has them for a processor too, in all of these dtypes.</summary>
    public bool IsOnProcessor { get; init; }

    /// <summary>Whether their numbers are the same each time only where libtorch can be asked for that.</summary>
    public bool NeedsRepeatableAlgorithms { get; init; }

    /// <summary>Where that stands.</summary>
    public required IReadOnlyList<OperatorSource> Sources { get; init; }

    /// <summary>The same in a line.</summary>
    public string Source => string.Join("; ", Sources);

    /// <summary>The row of an operator; null where there is none.</summary>
    /// <param name="name">With its namespace.</param>
    public static OperatorNeeds? Of(string name) => All.FirstOrDefault(needs => needs.Names.Contains(name));

    /// <summary>Why they cannot be called; null when they can.</summary>
    /// <param name="card">Where.</param>
    /// <param name="call">With what.</param>
    public string? Reason(CardFacts card, OperatorCall call)
    {
        (ScalarType Type, Version? Earliest)[] served = [.. Types.Where(entry => entry.Type == call.Type)];
        string? reason = !card.IsCuda ? "there is no NVIDIA card"
            : card.IsWindows && !IsOnWindows ? "libtorch for Windows is built without it"
            : served.Length == 0 ? $"it does not compute in {call.Type}"
            : ReasonOfGeneration(card.Generation, served[0].Earliest, call.Type) is string generation ? generation
            : NeedsRepeatableAlgorithms && !card.HasRepeatableAlgorithms ? "this libtorch cannot be asked to give the same gradients each time"
            : Heads?.Reason(card.Generation!, call);
        return reason is null ? null : string.Create(CultureInfo.InvariantCulture, $"{Name}: {reason}");
    }

    private string? ReasonOfGeneration(Version? generation, Version? earliest, ScalarType type) =>
        earliest is null && Latest is null ? null
        : generation is null ? "the card's compute capability is not known"
        : generation < earliest ? $"in {type} it needs compute capability {earliest}, and the card has {generation}"
        : Latest is not null && generation > Latest ? $"it is built for compute capability {Latest} at the most, and the card has {generation}"
        : null;
}

/// <summary>What an operator of attention asks of heads. None caps scores: FlashAttention's own cap is not handed through.</summary>
/// <param name="Bytes">Of how many bytes the values of a head have to be a multiple.</param>
internal sealed record HeadNeeds(int Bytes)
{
    /// <summary>Values of a head at the most.</summary>
    public long Largest { get; init; } = long.MaxValue;

    /// <summary>Generations whose backward pass takes fewer, and how many.</summary>
    public (IReadOnlyList<Version> Generations, long Largest)? Smaller { get; init; }

    /// <summary>Whether several heads of queries may share one of keys.</summary>
    public bool AreGrouped { get; init; }

    /// <summary>Whether a query may see some of the keys before it only.</summary>
    public bool HasWindow { get; init; }

    /// <summary>Why it does not take heads; null when it does.</summary>
    public string? Reason(Version generation, OperatorCall call)
    {
        long most = Smaller is { } smaller && smaller.Generations.Contains(generation) ? smaller.Largest : Largest;
        return call.HeadSize > most ? $"heads have {call.HeadSize} values, and {most} is the most"
            : call.HeadSize * call.Type.ElementSize() % Bytes != 0 ? $"heads of {call.HeadSize} values are no multiple of {Bytes} bytes"
            : call.HasWindow && !HasWindow ? "it has no windows"
            : call.HasCap ? "it does not cap scores"
            : null;
    }
}

/// <summary>Where a need stands in PyTorch.</summary>
/// <param name="File">Below aten/src.</param>
/// <param name="Function">Within it.</param>
/// <param name="Says">What is read there.</param>
internal sealed record OperatorSource(string File, string Function, string Says)
{
    /// <inheritdoc/>
    public override string ToString() => $"{File}, {Function}: {Says}";
}

/// <summary>What of a card decides which operators it runs.</summary>
/// <param name="IsCuda">Whether it is one of NVIDIA's.</param>
/// <param name="Generation">Its compute capability, such as 8.6; null where nobody says.</param>
/// <param name="IsWindows">Whether libtorch is that for Windows.</param>
/// <param name="HasRepeatableAlgorithms">Whether libtorch can be asked for <see cref="RepeatableAlgorithms"/>.</param>
internal sealed record CardFacts(bool IsCuda, Version? Generation, bool IsWindows, bool HasRepeatableAlgorithms)
{
    /// <summary>Those of a device of this machine.</summary>
    public static CardFacts Of(Device device) => device.type != DeviceType.CUDA
        ? new(IsCuda: false, Generation: null, OperatingSystem.IsWindows(), HasRepeatableAlgorithms: false)
        : new(
            IsCuda: true,
            NvidiaManagement.ComputeCapability(Math.Max(0, device.index)) is (int major, int minor) ? new(major, minor) : null,
            OperatingSystem.IsWindows(),
            RepeatableAlgorithms.CanBegin);
}

/// <summary>What an operator is called with.</summary>
/// <param name="Type">Of its tensors.</param>
/// <param name="HeadSize">Values of a head; 0 for what knows no heads.</param>
/// <param name="HasWindow">Whether a query sees some of the keys before it only.</param>
/// <param name="HasCap">Whether scores are capped.</param>
internal readonly record struct OperatorCall(ScalarType Type, long HeadSize, bool HasWindow, bool HasCap = false);
