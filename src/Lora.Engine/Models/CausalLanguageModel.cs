using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A decoder with a head over the vocabulary. Field names are the checkpoint's names.</summary>
internal sealed class CausalLanguageModel : nn.Module<Tensor, Tensor>
{
    private readonly DecoderModel model;
    private readonly Linear lm_head;
    private readonly long sharedSize;
    private FusedDecoder? fused;

    /// <param name="config">The shape.</param>
    /// <param name="source">Where the weights come from; a head of its own is used where the source has one, else the embedding's table.</param>
    /// <param name="device">Where the weights are.</param>
    public CausalLanguageModel(DecoderConfig config, IWeightSource source, Device device)
        : base(nameof(CausalLanguageModel))
    {
        Config = config;
        Device = device;
        Weights root = new(source, "");
        model = new(config, root.At(nameof(model)));
        if (config.TiedEmbeddings && !source.Has("lm_head.weight"))
        {
            lm_head = nn.Linear(config.HiddenSize, config.VocabularySize, hasBias: false, META);
            lm_head.weight = new Parameter(model.Embedding.Weight.detach(), requires_grad: false); // the same memory, a tensor of its own
            sharedSize = lm_head.weight.NumberOfElements * lm_head.weight.element_size();
        }
        else
        {
            lm_head = root.Linear(nameof(lm_head), config.HiddenSize, config.VocabularySize);
        }

        RegisterComponents();
    }

    /// <summary>The shape of the model.</summary>
    public DecoderConfig Config { get; }

    /// <summary>Where the weights are.</summary>
    public Device Device { get; }

    /// <summary>Bytes of the weights; a table that serves as the head too counts once.</summary>
    public long WeightSize => parameters().Sum(parameter => parameter.NumberOfElements * parameter.element_size()) - sharedSize;

    /// <summary>The weights joined for the fused step; made when first asked for.</summary>
    public FusedDecoder Fused => fused ??= new(this);

    /// <summary>Hidden states after the last norm, [batch, tokens, hidden], of ids [batch, tokens].</summary>
    public Tensor Hidden(Tensor ids) => model.call(ids);

    /// <summary>Logits [..., vocabulary] of hidden states [..., hidden].</summary>
    public Tensor Head(Tensor hidden) => lm_head.call(hidden);

    /// <summary>Logits [batch, tokens, vocabulary] of ids [batch, tokens].</summary>
    public override Tensor forward(Tensor input) => Head(Hidden(input));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            fused?.Dispose();
        }

        base.Dispose(disposing);
    }
}
