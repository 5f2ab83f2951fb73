using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// s · B(A x) where A is a convolution to rank channels with the base's kernel, stride, padding and dilation, [rank, in, height, width],
/// and B a convolution of kernel 1, [out, rank, 1, 1].
/// </summary>
internal sealed class ConvolutionProduct : LowRankProduct
{
    private readonly Conv2d convolution;

    /// <param name="target">The module's name, rank and scaling.</param>
    /// <param name="convolution">The base layer, without groups.</param>
    /// <param name="settings">What the layers of one adapter share.</param>
    /// <exception cref="LoraException">AdapterFeatureUnsupported: the convolution has groups.</exception>
    public ConvolutionProduct(AdapterTarget target, Conv2d convolution, AdapterSettings settings)
        : base(target, convolution, ShapeOf(target, convolution), settings) => this.convolution = convolution;

    /// <inheritdoc/>
    public override WeightLayout Layout => WeightLayout.OutputsFirst;

    /// <inheritdoc/>
    protected override int AxesAfterChannel => 2;

    /// <inheritdoc/>
    public override Tensor Base(Tensor dropped) => Convolve(dropped, Weight);

    /// <inheritdoc/>
    protected override Tensor Apply(Tensor input, Tensor down, Tensor up) => nn.functional.conv2d(Convolve(input, down), up); // rank channels, then out

    /// <inheritdoc/>
    protected override void Fill(LoraInitialization initialization, Tensor down, Tensor up, double scaling, Generator generator) =>
        // Starts are made for matrices: [rank, in · height · width], [out, rank] and W as [out, in · height · width].
        initialization.Fill(down.view(down.shape[0], -1), up.view(up.shape[0], -1), () => Weight.flatten(1), scaling, generator);

    private Tensor Convolve(Tensor input, Tensor kernel) =>
        nn.functional.conv2d(Padded(input), kernel, strides: convolution.stride, dilation: convolution.dilation);

    /// <summary>Pads as the base does; a convolution of the functional kind pads with zeros only.</summary>
    private Tensor Padded(Tensor input)
    {
        (long top, long bottom) = PaddingOf(0);
        (long left, long right) = PaddingOf(1);
        return top + bottom + left + right == 0 ? input : nn.functional.pad(input, [left, right, top, bottom], convolution.padding_mode);
    }

    private (long Before, long After) PaddingOf(int axis)
    {
        // What a kernel reaches beyond its place: so much padding keeps the size.
        long whole = convolution.dilation[axis] * (convolution.kernel_size[axis] - 1);
        return convolution switch
        {
            { padding_type: Padding.Same } => (whole / 2, whole - (whole / 2)), // where it is odd torch pads one more at the end
            { padding_type: null, padding: long[] padding } => (padding[axis], padding[axis]),
            _ => (0, 0),
        };
    }

    private static LowRankShape ShapeOf(AdapterTarget target, Conv2d convolution) => convolution.groups == 1
        ? new([target.Rank, convolution.in_channels, .. convolution.kernel_size], [convolution.out_channels, target.Rank, 1, 1])
        : throw LoraException.Of(LoraError.AdapterFeatureUnsupported, target.Module, target.Module, $"a convolution in {convolution.groups} groups, to whose weight no product of A and B can be added");
}
