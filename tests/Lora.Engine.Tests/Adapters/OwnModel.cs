using Lora.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>A small model of TorchSharp's own modules, with one of each kind that LoRA adapts; random weights from a seed.</summary>
internal sealed class OwnModel : nn.Module<Tensor, Tensor>
{
    private readonly Embedding table;
    private readonly Conv2d reflected;
    private readonly Conv2d dilated;
    private readonly Transposed transposed;
    private readonly Linear linear;
    private readonly LayerNorm norm;

    public OwnModel(int seed = 1, ScalarType dtype = ScalarType.Float32)
        : base(nameof(OwnModel))
    {
        table = nn.Embedding(11, 16, dtype: dtype);
        reflected = nn.Conv2d(1, 6, kernel_size: 3, padding: 1, padding_mode: PaddingModes.Reflect, dtype: dtype);
        dilated = nn.Conv2d(6, 4, kernel_size: (3, 2), stride: (1, 2), padding: (2, 1), dilation: (2, 1), bias: false, dtype: dtype);
        transposed = new(4 * 4 * 3, 9, dtype);
        linear = nn.Linear(9, 7, dtype: dtype);
        norm = nn.LayerNorm(7, dtype: dtype);
        RegisterComponents();
        using Generator generator = new((ulong)seed, CPU);
        using IDisposable noGradient = no_grad();
        foreach (Parameter parameter in parameters())
        {
            parameter.copy_(randn(parameter.shape, generator: generator).Times(0.3));
        }
    }

    /// <summary>Every module that LoRA adapts.</summary>
    public static string[] Adaptable => ["table", "reflected", "dilated", "transposed", "linear"];

    /// <summary>Ids [batch, 4].</summary>
    public static Tensor Input(int seed = 2)
    {
        using Generator generator = new((ulong)seed, CPU);
        return randint(0, 11, [5, 4], dtype: ScalarType.Int64, generator: generator);
    }

    /// <summary>[batch, 7] of ids [batch, 4].</summary>
    public override Tensor forward(Tensor input)
    {
        Tensor picture = table.call(input).view(-1, 1, 4, 16)[TensorIndex.Colon, TensorIndex.Colon, TensorIndex.Colon, TensorIndex.Slice(0, 5)];
        Tensor hidden = nn.functional.silu(dilated.call(nn.functional.silu(reflected.call(picture))));
        return norm.call(linear.call(nn.functional.silu(transposed.call(hidden.flatten(1)))));
    }

    /// <summary>The bytes of all parameters, to compare before and after.</summary>
    public byte[] Bytes() => [.. parameters().SelectMany(parameter => parameter.detach().contiguous().bytes.ToArray())];

    /// <summary>A linear module of a program's own, whose weight is stored [in, out] as in GPT-2.</summary>
    internal sealed class Transposed : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight;
        private readonly Parameter bias;

        public Transposed(long inputs, long outputs, ScalarType dtype)
            : base(nameof(Transposed))
        {
            weight = new(zeros(inputs, outputs, dtype: dtype));
            bias = new(zeros(outputs, dtype: dtype));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input.matmul(weight).Plus(bias);
    }
}
