using System.Globalization;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// What a whole operator of libtorch 2.10 asks of a card and of its tensors, told before it is called: one that is called where it does not fit
/// fails in the middle of a run. What is not known of a card counts as not there.
/// </summary>
/// <remarks>
/// The sources are files of PyTorch below aten/src, which check the same when they choose between operators. cuDNN's attention is not among them: its gradients are
/// others each time, which torch knows too (sdp_utils.cpp: check_cudnn_deterministic), and the same seed is to give the same run.
/// </remarks>
internal sealed record OperatorNeeds
{
    private const string Attention = "ATen/native/transformers/cuda/sdp_utils.cpp";

    // Compute capabilities; bfloat16 came with Ampere.
    private static readonly Version Maxwell = new(5, 0);
    private static readonly Version Ampere = new(8, 0);
    private static readonly Version Newest = new(12, 1);

    /// <summary>FlashAttention 2: grouped heads as they are; documents by lengths; windows.</summary>
    public static OperatorNeeds FlashAttention { get; } = new()
    {
        Name = "aten::_flash_attention_forward",
        Types = Half(Ampere),
        Latest = Newest,
        HeadBytes = 16,
        LargestHead = 256,
        // Its backward pass runs out of shared memory for wider heads on cards of these generations.
        SmallerHead = new([new(8, 6), new(8, 7), new(8, 9), new(12, 0), new(12, 1)], 192),
        HasGroupedHeads = true,
        HasWindow = true,
        IsOnWindows = false, // libtorch is built without it there
        NeedsRepeatableAlgorithms = true,
        Source = $"{Attention}: can_use_flash_attention; flash_attn/flash_api.cpp: head_size a multiple of 8",
    };

    /// <summary>The memory efficient kernels of xFormers: as many heads of keys as of queries; documents by lengths; windows.</summary>
    public static OperatorNeeds EfficientAttention { get; } = new()
    {
        Name = "aten::_efficient_attention_forward",
        Types = [.. Half(Maxwell, Ampere), (ScalarType.Float32, Maxwell)],
        Latest = Newest,
        HeadBytes = 16,
        HasWindow = true,
        IsOnWindows = true,
        Source = $"{Attention}: can_use_mem_efficient_attention, minimum_gemm_alignment",
    };

    /// <summary>The norm by root mean squares with its backward pass; the weight has the dtype of what is normalised.</summary>
    public static OperatorNeeds FusedNorm { get; } = new()
    {
        Name = "aten::_fused_rms_norm",
        // It computes in float32, to which bfloat16 is widened on any card.
        Types = [.. Half(Maxwell), (ScalarType.Float32, Maxwell), (ScalarType.Float64, Maxwell)],
        HasWindow = true, // it knows no keys
        HasScores = false,
        IsOnWindows = true,
        Source = "ATen/native/layer_norm.cpp: rms_norm; ATen/native/cuda/layer_norm_kernel.cu",
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<OperatorNeeds> All { get; } = [FlashAttention, EfficientAttention, FusedNorm];

    /// <summary>With its namespace.</summary>
    public required string Name { get; init; }

    /// <summary>Dtypes, and the earliest generation that computes in each.</summary>
    public required IReadOnlyList<(ScalarType Type, Version Earliest)> Types { get; init; }

    /// <summary>The last generation that it is built for; null for all to come.</summary>
    public Version? Latest { get; init; }

    /// <summary>Of how many bytes the values of a head have to be a multiple.</summary>
    public int HeadBytes { get; init; } = 1;

    /// <summary>Values of a head at the most.</summary>
    public long LargestHead { get; init; } = long.MaxValue;

    /// <summary>Generations whose backward pass takes fewer, and how many.</summary>
    public (IReadOnlyList<Version> Generations, long Largest)? SmallerHead { get; init; }

    /// <summary>Whether several heads of queries may share one of keys.</summary>
    public bool HasGroupedHeads { get; init; }

    /// <summary>Whether a query may see some of the keys before it only.</summary>
    public bool HasWindow { get; init; }

    /// <summary>Whether it has scores, which no operator of libtorch caps (FlashAttention's own cap is not handed through).</summary>
    public bool HasScores { get; init; } = true;

    /// <summary>Whether libtorch's build for Windows has it.</summary>
    public required bool IsOnWindows { get; init; }

    /// <summary>Whether its numbers are the same each time only where libtorch can be asked for that.</summary>
    public bool NeedsRepeatableAlgorithms { get; init; }

    /// <summary>Where that stands.</summary>
    public required string Source { get; init; }

    /// <summary>Why it cannot be called; null when it can.</summary>
    /// <param name="card">Where.</param>
    /// <param name="call">With what.</param>
    public string? Reason(CardFacts card, OperatorCall call)
    {
        (ScalarType Type, Version Earliest)[] served = [.. Types.Where(entry => entry.Type == call.Type)];
        long most = SmallerHead is { } smaller && smaller.Generations.Contains(card.Generation) ? smaller.Largest : LargestHead;
        string? reason = !card.IsCuda ? "there is no NVIDIA card"
            : card.IsWindows && !IsOnWindows ? "libtorch for Windows is built without it"
            : served.Length == 0 ? $"it does not compute in {call.Type}"
            : card.Generation is not Version generation ? "the card's compute capability is not known"
            : generation < served[0].Earliest ? $"in {call.Type} it needs compute capability {served[0].Earliest}, and the card has {generation}"
            : Latest is not null && generation > Latest ? $"it is built for compute capability {Latest} at the most, and the card has {generation}"
            : NeedsRepeatableAlgorithms && !card.HasRepeatableAlgorithms ? "this libtorch cannot be asked to give the same gradients each time"
            : call.HeadSize > most ? $"heads have {call.HeadSize} values, and {most} is the most"
            : call.HeadSize * call.Type.ElementSize() % HeadBytes != 0 ? $"heads of {call.HeadSize} values are no multiple of {HeadBytes} bytes"
            : call.HasWindow && !HasWindow ? "it has no windows"
            : call.HasCap && HasScores ? "it does not cap scores"
            : null;
        return reason is null ? null : string.Create(CultureInfo.InvariantCulture, $"{Name}: {reason}");
    }

    private static (ScalarType, Version)[] Half(Version earliest, Version? ofBrainFloat = null) => [(ScalarType.Float16, earliest), (ScalarType.BFloat16, ofBrainFloat ?? earliest)];
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
