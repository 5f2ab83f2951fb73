using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// softmax(q kᵀ + bias) v: scores are not scaled, and the bias hangs on how far apart two tokens are. The first block of a stack has the table of biases,
/// and all blocks add them.
/// </summary>
internal sealed class StackAttention : nn.Module<Tensor, StackContext, Tensor>
{
    private const string Table = "relative_attention_bias";

    private readonly StackShape shape;
    private readonly bool isCross;
    private readonly nn.Module<Tensor, Tensor> q;
    private readonly nn.Module<Tensor, Tensor> k;
    private readonly nn.Module<Tensor, Tensor> v;
    private readonly nn.Module<Tensor, Tensor> o;
    private readonly TokenEmbedding? biases;

    /// <param name="shape">The stack.</param>
    /// <param name="weights">Those below the attention's name.</param>
    /// <param name="hasBiases">Whether the table is here.</param>
    /// <param name="isCross">Whether keys and values are the encoder's.</param>
    public StackAttention(StackShape shape, Weights weights, bool hasBiases, bool isCross)
        : base(nameof(StackAttention))
    {
        this.shape = shape;
        this.isCross = isCross;
        int width = shape.Heads * shape.HeadSize;
        register_module(nameof(q), q = weights.Linear(nameof(q), shape.HiddenSize, width));
        register_module(nameof(k), k = weights.Linear(nameof(k), shape.HiddenSize, width));
        register_module(nameof(v), v = weights.Linear(nameof(v), shape.HiddenSize, width));
        register_module(nameof(o), o = weights.Linear(nameof(o), width, shape.HiddenSize));
        if (hasBiases)
        {
            register_module(Table, biases = weights.Embedding(Table, shape.Buckets, shape.Heads));
        }
    }

    /// <summary>What is added to hidden states, [batch, tokens, hidden].</summary>
    public override Tensor forward(Tensor input, StackContext context)
    {
        Tensor source = isCross ? context.Memory! : input;
        if (biases is not null)
        {
            context.Take(biases, shape);
        }

        // The kernel divides by sqrt(headSize), which T5 does not.
        Tensor query = Heads(q.call(input)).Times(Math.Sqrt(shape.HeadSize)); // [batch, heads, tokens, headSize]
        Tensor? mask = isCross ? context.MemoryMask : context.Scores; // [batch or 1, heads or 1, tokens or 1, keys]
        Tensor mixed = nn.functional.scaled_dot_product_attention(query, Heads(k.call(source)), Heads(v.call(source)), mask); // [batch, heads, tokens, headSize]
        return o.call(mixed.transpose(1, 2).flatten(2)); // [batch, tokens, hidden]
    }

    /// <summary>The children have the checkpoint's names.</summary>
    protected override void RegisterComponents()
    {
    }

    private Tensor Heads(Tensor output) => output.unflatten(2, shape.Heads, shape.HeadSize).transpose(1, 2); // [batch, heads, tokens, headSize]
}

/// <summary>What the blocks of a stack share in one pass.</summary>
/// <param name="tokens">Tokens of each row, padding with them.</param>
/// <param name="ownMask">What keeps tokens from padding, [batch, 1, 1, tokens]; null for nothing.</param>
internal sealed class StackContext(long tokens, Tensor? ownMask)
{
    /// <summary>What is added to scores: the biases of distances and the masks, [batch or 1, heads, tokens, tokens].</summary>
    public Tensor? Scores { get; private set; }

    /// <summary>The encoder's hidden states, [batch, source tokens, hidden]; null in the encoder.</summary>
    public Tensor? Memory { get; init; }

    /// <summary>What keeps from the encoder's padding, [batch, 1, 1, source tokens]; null for nothing.</summary>
    public Tensor? MemoryMask { get; init; }

    /// <summary>Takes the biases of the stack's table.</summary>
    public void Take(TokenEmbedding biases, StackShape shape)
    {
        long[] buckets = RelativePositions.Of((int)tokens, shape);
        Device device = biases.Weight.device;
        Tensor bias = biases.call(DeviceIndex.Of(buckets, [tokens, tokens], device)).permute(2, 0, 1).unsqueeze(0); // [1, heads, query, key]
        if (shape.IsDecoder)
        {
            Tensor visible = ones([tokens, tokens], dtype: ScalarType.Bool, device: device).tril_(); // [query, key]
            bias = bias.Masked(visible.logical_not(), finfo(bias.dtype).min);
        }

        Scores = ownMask is null ? bias : bias.Plus(ownMask);
    }
}

/// <summary>Which row of the table a distance has.</summary>
internal static class RelativePositions
{
    /// <summary>
    /// The rows, query after query. The first half of the buckets is of single distances, the rest of wider and wider ones; an encoder has half of all for
    /// what follows, a decoder none.
    /// </summary>
    public static long[] Of(int tokens, StackShape shape)
    {
        long[] rows = new long[tokens * tokens];
        for (int query = 0; query < tokens; query++)
        {
            for (int key = 0; key < tokens; key++)
            {
                rows[(query * tokens) + key] = Bucket(key - query, shape);
            }
        }

        return rows;
    }

    private static int Bucket(int offset, StackShape shape)
    {
        int buckets = shape.IsDecoder ? shape.Buckets : shape.Buckets / 2;
        int first = !shape.IsDecoder && offset > 0 ? buckets : 0;
        int distance = shape.IsDecoder ? Math.Max(0, -offset) : Math.Abs(offset);
        int single = buckets / 2;
        if (distance < single)
        {
            return first + distance;
        }

        // In float32, as transformers computes it: a distance on the border of two buckets is in one of them.
        float share = MathF.Log(distance / (float)single) / (float)Math.Log(shape.MaxDistance / (double)single);
        return first + Math.Min(single + (int)(share * (buckets - single)), buckets - 1);
    }
}
