using Lora.Data;
using Lora.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>One table of tokens, an encoder, a decoder, and a head over the vocabulary.</summary>
internal sealed class SequenceToSequenceModel : TaskModel
{
    private const string HeadName = "lm_head";

    private readonly SequenceToSequenceShape shape;
    private readonly TokenEmbedding shared;
    private readonly Stack encoder;
    private readonly Stack decoder;
    private readonly nn.Module<Tensor, Tensor> head;

    public SequenceToSequenceModel(SequenceToSequenceShape shape, IWeightSource source, Device device)
        : base(nameof(SequenceToSequenceModel), device)
    {
        this.shape = shape;
        Weights root = new(source, "", Buffer);
        register_module(nameof(shared), shared = root.Embedding(nameof(shared), shape.VocabularySize, shape.Encoder.HiddenSize));
        register_module(nameof(encoder), encoder = new(shape.Encoder, root.At(nameof(encoder))));
        register_module(nameof(decoder), decoder = new(shape.Decoder, root.At(nameof(decoder))));
        if (shape.IsTied && !source.Has(HeadName + ".weight"))
        {
            Linear tied = nn.Linear(shape.Encoder.HiddenSize, shape.VocabularySize, hasBias: false, META);
            tied.weight = new Parameter(shared.Weight.detach(), requires_grad: false); // the same memory, a tensor of its own
            head = tied;
            SharedSize = tied.weight.NumberOfElements * tied.weight.element_size();
        }
        else
        {
            head = root.Linear(HeadName, shape.Encoder.HiddenSize, shape.VocabularySize);
        }

        register_module(HeadName, head);
    }

    /// <inheritdoc/>
    public override string ModelType => shape.ModelType;

    /// <inheritdoc/>
    public override int VocabularySize => shape.VocabularySize;

    /// <inheritdoc/>
    public override TaskKind Task => TaskKind.Seq2SeqLM;

    /// <inheritdoc/>
    protected override long SharedSize { get; }

    /// <summary>The decoder's hidden states, [rows, labels, hidden]: at each place it has been given the labels before.</summary>
    public override Tensor Hidden(Batch batch, RouterBalance? balance = null)
    {
        Tensor memory = Encode(batch.InputIds, batch.Rows, batch.Lengths, out Tensor? mask); // [rows, tokens, hidden]
        long[] given = new long[batch.Labels.Length];
        for (int index = 0; index < given.Length; index++)
        {
            long before = index % batch.LabelLength == 0 ? shape.StartId : batch.Labels[index - 1];
            // As T5's _shift_right has it: what is not learned is padding to the decoder.
            given[index] = before == TrainingExample.Unsupervised ? shape.PaddingId : before;
        }

        return Decode(given, batch.Rows, memory, mask);
    }

    /// <inheritdoc/>
    public override Tensor Head(Tensor hidden) => head.call(shape.ScalesHead ? hidden.Times(1 / Math.Sqrt(shape.Decoder.HiddenSize)) : hidden);

    /// <summary>Logits [batch, 1, vocabulary] of the first token that is said after ids [batch, tokens].</summary>
    public override Tensor forward(Tensor input)
    {
        int rows = (int)input.shape[0], tokens = (int)input.shape[1];
        Tensor memory = Encode(input.cpu().data<long>().ToArray(), rows, [.. Enumerable.Repeat(tokens, rows)], out Tensor? mask); // [batch, tokens, hidden]
        return Head(Decode([.. Enumerable.Repeat((long)shape.StartId, rows)], rows, memory, mask));
    }

    /// <summary>What is said after a prompt, each time the likeliest token, without the ending one.</summary>
    /// <param name="prompt">At least one id.</param>
    /// <param name="count">Ids at the most.</param>
    /// <param name="onToken">Told how many ids there are, before each; null for nobody.</param>
    /// <param name="cancellation">Checked before each id.</param>
    public int[] Answer(IReadOnlyList<int> prompt, int count, Action<int>? onToken, CancellationToken cancellation)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor memory = Encode([.. prompt.Select(id => (long)id)], 1, [prompt.Count], out Tensor? mask); // [1, tokens, hidden]
        List<long> said = [shape.StartId];
        while (said.Count <= count)
        {
            cancellation.ThrowIfCancellationRequested();
            onToken?.Invoke(said.Count - 1);
            using DisposeScope step = NewDisposeScope();
            long next = Head(Decode([.. said], 1, memory, mask).narrow(1, said.Count - 1, 1)).argmax(-1).ToInt64();
            if (next == shape.EndId)
            {
                break;
            }

            said.Add(next);
        }

        return [.. said.Skip(1).Select(id => (int)id)];
    }

    private Tensor Encode(long[] ids, int rows, int[] lengths, out Tensor? mask)
    {
        int tokens = ids.Length / rows;
        Tensor input = shared.call(DeviceIndex.Of(ids, [rows, tokens], Device)); // [batch, tokens, hidden]
        mask = KeyMask.Of(lengths, tokens, input);
        return encoder.call(input, new(tokens, mask));
    }

    private Tensor Decode(long[] ids, int rows, Tensor memory, Tensor? mask)
    {
        int tokens = ids.Length / rows;
        Tensor input = shared.call(DeviceIndex.Of(ids, [rows, tokens], Device)); // [batch, labels, hidden]
        return decoder.call(input, new(tokens, ownMask: null) { Memory = memory, MemoryMask = mask });
    }
}
