using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// softmax(cap(factor q kᵀ)) v of tokens that stand behind others whose keys and values are known, with a mask: by libtorch's kernel, or as its formula where
/// scores are capped or no kernel serves the heads; one for all blocks of a pass.
/// </summary>
/// <param name="before">Tokens before them.</param>
/// <param name="scratch">For the formula.</param>
internal sealed class PastAttention(int before, TensorStack scratch) : IDisposable
{
    // Kernels take masks whose rows are whole 16 bytes, and lay others out anew.
    private const int Padding = 16;

    private readonly Dictionary<long, Tensor> masks = [];

    /// <summary>In how many slices the formula takes the key/value heads.</summary>
    public int Slices { get; init; } = 1;

    /// <summary>The mixed values, [tokens, heads, headSize], the caller's.</summary>
    /// <param name="query">[tokens, heads, headSize], rotated.</param>
    /// <param name="seen">Keys and values of all tokens, [before + tokens, kvHeads, headSize].</param>
    /// <param name="shape">The heads.</param>
    /// <param name="isPlain">Whether no kernel serves them (<see cref="AttentionHeads.Cap"/>, or <see cref="PlainAttention"/>).</param>
    public Tensor Mix(Tensor query, (Tensor Key, Tensor Value) seen, AttentionHeads shape, bool isPlain)
    {
        using DisposeScope scope = NewDisposeScope();
        long keys = seen.Key.shape[0], size = Math.Min(shape.Window ?? keys, keys);
        if (!masks.TryGetValue(size, out Tensor? mask))
        {
            mask = FollowingContext.MaskOf(before, keys, size, query.dtype, query.device).DetachFromDisposeScope(); // for the blocks that follow
            masks.Add(size, mask);
        }

        return (isPlain ? ByFormula(query, seen, shape, mask) : ByKernel(query, seen, shape, mask)).MoveToOuterDisposeScope();
    }

    /// <summary>The bytes that it takes.</summary>
    /// <param name="before">Tokens before.</param>
    /// <param name="tokens">Tokens behind them.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="elementSize">Of the activations.</param>
    /// <param name="isPlain">Whether the formula mixes.</param>
    /// <param name="slices">In how many slices.</param>
    public static AttentionBytes Bytes(long before, long tokens, AttentionHeads shape, int elementSize, bool isPlain, int slices)
    {
        long keys = before + tokens;
        long queries = elementSize * tokens * shape.Queries;
        long repeated = isPlain || shape.Group == 1 ? 0 : 2 * elementSize * keys * shape.Queries;
        long pairs = elementSize * tokens * keys * shape.Group * Largest(shape, slices);
        PassBytes passes = new(isPlain ? (2 * queries) + pairs : 0, 0);
        long padded = elementSize * tokens * (keys + Padding);
        return new(Kept: 0, Probabilities: 0, passes, passes, Made: queries, Passing: isPlain ? 0 : (2 * queries) + repeated + padded)
        {
            Shared = new(Ways: 0, elementSize * tokens * keys, shape.Window < keys ? shape.Window : null),
        };
    }

    /// <inheritdoc/>
    public void Dispose() => masks.Values.ToList().ForEach(mask => mask.Dispose());

    private static int Largest(AttentionHeads shape, int slices) => (shape.KeyValueHeads + slices - 1) / slices;

    private static Tensor ByKernel(Tensor query, (Tensor Key, Tensor Value) seen, AttentionHeads shape, Tensor mask)
    {
        // It divides by sqrt(headSize), and takes equal head counts only.
        Tensor scaled = Heads(query.Times(Math.Sqrt(shape.HeadSize) * shape.Factor), 1);
        Tensor mixed = nn.functional.scaled_dot_product_attention(scaled, Heads(seen.Key, shape.Group), Heads(seen.Value, shape.Group), mask); // [1, heads, tokens, headSize]
        return mixed.squeeze(0).transpose(0, 1);
    }

    /// <summary>Products over key/value heads, with the query heads of a group as rows of one, so that keys and values are never repeated.</summary>
    private Tensor ByFormula(Tensor query, (Tensor Key, Tensor Value) seen, AttentionHeads shape, Tensor mask)
    {
        using TensorStack.Pass pass = scratch.Begin();
        (long tokens, long keys) = (query.shape[0], seen.Key.shape[0]);
        Tensor rows = scratch.Take(query.dtype, shape.KeyValueHeads, shape.Group * tokens, shape.HeadSize);
        rows.view(shape.Heads, tokens, shape.HeadSize).copy_(query.transpose(0, 1));
        Tensor mixed = scratch.Take(query.dtype, rows.shape);
        (Tensor key, Tensor value) = (seen.Key.transpose(0, 1), seen.Value.transpose(0, 1)); // [kvHeads, keys, headSize]
        int size = Largest(shape, Slices);
        for (int head = 0; head < shape.KeyValueHeads; head += size)
        {
            using TensorStack.Pass slice = scratch.Begin();
            int count = Math.Min(size, shape.KeyValueHeads - head);
            Tensor scores = scratch.Take(query.dtype, count, shape.Group * tokens, keys);
            ScaledInto.Batches(scores, rows.narrow(0, head, count), key.narrow(0, head, count).transpose(1, 2), shape.Factor / (shape.Cap ?? 1));
            if (shape.Cap is not null)
            {
                scores.tanh_();
            }

            // One operator multiplies by the cap and hides what is not seen.
            Tensor pairs = scores.view(-1, tokens, keys);
            ScaledInto.Sum(pairs, mask, pairs, shape.Cap ?? 1);
            ResultInto.Softmax(scores, scores);
            ProductInto.Batches(mixed.narrow(0, head, count), scores, value.narrow(0, head, count));
        }

        // Always a copy, since the pass takes its memory back: of one head or one token contiguous() makes none.
        return empty([tokens, shape.Heads, shape.HeadSize], dtype: query.dtype, device: query.device).copy_(mixed.view(shape.Heads, tokens, shape.HeadSize).transpose(0, 1));
    }

    /// <summary>[tokens, heads, headSize] -> [1, heads group, tokens, headSize].</summary>
    private static Tensor Heads(Tensor values, int group) => (group == 1 ? values : values.repeat_interleave(group, dim: 1)).transpose(0, 1).unsqueeze(0);
}
