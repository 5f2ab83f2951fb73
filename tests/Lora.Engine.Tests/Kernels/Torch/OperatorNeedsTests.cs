using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Tests.Kernels;

/// <summary>Which operators a card runs, as the sources of libtorch say.</summary>
public class OperatorNeedsTests
{
    private static readonly OperatorCall Usual = new(ScalarType.BFloat16, 64, HasWindow: false);

    [Theory]
    [InlineData("8.6", false, "flash efficient norm")] // RTX 3060
    [InlineData("8.6", true, "efficient norm")]
    [InlineData("8.9", false, "flash efficient norm")] // RTX 4090
    [InlineData("8.0", false, "flash efficient norm")] // A100
    [InlineData("9.0", false, "flash efficient norm")] // H100
    [InlineData("9.0", true, "efficient norm")]
    [InlineData("7.5", false, "norm")] // RTX 2080: no products in bfloat16
    [InlineData("13.0", false, "norm")] // newer than what libtorch is built for
    [InlineData(null, false, "norm")] // a driver that does not say: what any card of libtorch's runs
    public void A_card_runs_what_its_generation_and_system_have_in_bfloat16(string? capability, bool isWindows, string operators) =>
        Assert.Equal(operators, Runs(new(IsCuda: true, capability is null ? null : Version.Parse(capability), isWindows, HasRepeatableAlgorithms: true), Usual));

    [Theory]
    [InlineData("7.5", ScalarType.Float16, 64, false, "efficient norm")]
    [InlineData("8.0", ScalarType.Float32, 64, false, "efficient norm")]
    [InlineData("8.0", ScalarType.Float64, 64, false, "norm")]
    [InlineData("8.0", ScalarType.BFloat16, 60, false, "norm")] // 120 bytes
    [InlineData("8.0", ScalarType.Float32, 60, false, "efficient norm")] // 240 bytes
    [InlineData("8.0", ScalarType.BFloat16, 256, false, "flash efficient norm")]
    [InlineData("8.9", ScalarType.BFloat16, 256, false, "efficient norm")]
    [InlineData("8.9", ScalarType.BFloat16, 192, false, "flash efficient norm")]
    [InlineData("9.0", ScalarType.BFloat16, 136, false, "flash efficient norm")]
    [InlineData("9.0", ScalarType.BFloat16, 128, true, "flash efficient norm")]
    public void What_a_call_asks_for_decides_too(string capability, ScalarType type, long headSize, bool hasWindow, string operators) =>
        Assert.Equal(operators, Runs(new(IsCuda: true, Version.Parse(capability), IsWindows: false, HasRepeatableAlgorithms: true), new(type, headSize, hasWindow)));

    [Fact]
    public void A_reason_names_the_operator_what_it_needs_and_what_was_found()
    {
        CardFacts old = new(IsCuda: true, new(7, 5), IsWindows: false, HasRepeatableAlgorithms: true);
        CardFacts windows = old with { Generation = new(8, 6), IsWindows = true };

        Assert.Equal("aten::_efficient_attention_forward: in BFloat16 it needs compute capability 8.0, and the card has 7.5", OperatorNeeds.EfficientAttention.Reason(old, Usual));
        Assert.Equal("aten::_flash_attention_forward: libtorch for Windows is built without it", OperatorNeeds.FlashAttention.Reason(windows, Usual));
        Assert.Equal("aten::_flash_attention_forward: heads of 100 values are no multiple of 16 bytes", OperatorNeeds.FlashAttention.Reason(windows with { IsWindows = false }, Usual with { HeadSize = 100 }));
        Assert.Equal(
            "aten::_flash_attention_forward: this libtorch cannot be asked to give the same gradients each time",
            OperatorNeeds.FlashAttention.Reason(new(IsCuda: true, new(9, 0), IsWindows: false, HasRepeatableAlgorithms: false), Usual));
    }

    [Fact]
    public void A_CPU_runs_none_of_them() =>
        Assert.All(OperatorNeeds.All, needs => Assert.Equal($"{needs.Name}: there is no NVIDIA card", needs.Reason(CardFacts.Of(CPU), Usual)));

    /// <summary>A file of PyTorch, one of its functions, and what is read there.</summary>
    [Fact]
    public void Each_row_names_the_functions_of_the_files_where_its_needs_stand()
    {
        OperatorSource[] sources = [.. OperatorNeeds.All.SelectMany(needs => needs.Sources)];

        Assert.All(OperatorNeeds.All, needs => Assert.NotEmpty(needs.Sources));
        Assert.All(sources, source =>
        {
            Assert.Matches(@"^ATen/(native|cuda)/([\w]+/)*\w+\.(cpp|cu|cuh|h)$", source.File);
            Assert.Matches(@"^[A-Za-z_]\w+$", source.Function);
            Assert.Matches(@"^\S.{10,}\S$", source.Says);
        });
        Assert.Distinct(sources.Select(source => (source.File, source.Function)));
        Assert.Equal("ATen/native/cuda/Loops.cuh, gpu_kernel: any dtype, converted as it is read and written", $"{OperatorNeeds.Plain.Sources[0]}");
    }

    [Fact]
    public void Each_operator_has_one_row()
    {
        Assert.Distinct(OperatorNeeds.All.SelectMany(needs => needs.Names));
        Assert.All(OperatorNeeds.All.SelectMany(needs => needs.Names), name => Assert.Matches(@"^aten::\w+$", name));
        Assert.Same(OperatorNeeds.FusedNorm, OperatorNeeds.Of("aten::_fused_rms_norm_backward"));
        Assert.Null(OperatorNeeds.Of("aten::no_such_operator"));
    }

    /// <summary>So that nothing is left that could fail in the middle of a run: what may be refused has something in its place, told before the first step.</summary>
    [Theory]
    [InlineData("7.5", false)]
    [InlineData("9.0", true)]
    [InlineData("13.0", false)]
    [InlineData(null, true)]
    public void What_nothing_takes_the_place_of_is_run_by_every_card_in_every_dtype_of_a_run(string? capability, bool isWindows)
    {
        CardFacts card = new(IsCuda: true, capability is null ? null : Version.Parse(capability), isWindows, HasRepeatableAlgorithms: false);
        IEnumerable<(OperatorNeeds Needs, ScalarType Type)> calls =
            from needs in OperatorNeeds.All
            where needs.Instead is null
            from type in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 }
            select (needs, type);

        Assert.All(calls, call => Assert.Null(call.Needs.Reason(card, new(call.Type, HeadSize: 0, HasWindow: false))));
        Assert.Equal(
            ["AdamW by formulas", "Attention by plain products", "Norms by formulas"], OperatorNeeds.All.Select(needs => needs.Instead).OfType<string>().Distinct().Order(StringComparer.Ordinal));
    }

    private static string Runs(CardFacts card, OperatorCall call) => string.Join(' ',
        new[] { ("flash", OperatorNeeds.FlashAttention), ("efficient", OperatorNeeds.EfficientAttention), ("norm", OperatorNeeds.FusedNorm) }
            .Where(entry => entry.Item2.Reason(card, call) is null)
            .Select(entry => entry.Item1));
}
