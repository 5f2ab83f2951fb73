using Lora.Adapters;
using Lora.Models;
using Lora.Native;
using Lora.Text;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora;

/// <summary>
/// A language model of a Hugging Face folder in a program of one's own, with an adapter or without. It computes and is not trained: that is <see
/// cref="Training.TrainingSession"/>'s work, which leaves the base model as it is. One thread at a time may use it.
/// </summary>
public sealed class LoraModel : IDisposable
{
    private readonly CausalLanguageModel model;

    private LoraModel(CausalLanguageModel model, Tokenizer tokenizer)
    {
        this.model = model;
        Tokenizer = tokenizer;
    }

    /// <summary>The tokenizer of the folder.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The adapter that was loaded with the model: it can be switched off and merged. Null where there is none.</summary>
    public AttachedLora? Adapter { get; private init; }

    /// <summary>The model as a module of TorchSharp, ids [batch, tokens] to logits [batch, tokens, vocabulary], for <see cref="LoraModules"/> for example.</summary>
    public nn.Module<Tensor, Tensor> Module => model;

    /// <summary>Loads a model. libtorch is found and loaded first, where the program has not used it before.</summary>
    /// <param name="folder">The folder with config.json, the safetensors files and tokenizer.json.</param>
    /// <param name="adapter">The adapter that is put on it, for example a run's or one of <see cref="Adapters.AdapterFolder.Load"/>; null for none.</param>
    /// <param name="device"><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</param>
    /// <param name="dataType">What the weights are held and multiplied in.</param>
    /// <param name="resizeVocabulary">Whether the model takes over the adapter's vocabulary, where that is another one.</param>
    /// <exception cref="LoraException">Everything in which the folder, the device or the adapter cannot be used; OutOfMemory.</exception>
    public static LoraModel Load(string folder, LoraAdapter? adapter = null, string device = "auto", TrainingDataType dataType = TrainingDataType.Auto, bool resizeVocabulary = false)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(device);
        FittedAdapter? fitted = adapter is null ? null : FittedAdapter.Of(adapter, folder, resizeVocabulary);
        Tokenizer tokenizer = fitted?.Vocabulary?.ReadTokenizer(folder) ?? Tokenizer.Load(folder);
        TorchLibrary.Load();
        return TorchMemoryFailure.Named(() =>
        {
            Device place = TrainingDevice.Find(device);
            CausalLanguageModel model = ModelLoader.Load(folder, place, TrainingDevice.Type(dataType, place), vocabulary: fitted?.Vocabulary);
            try
            {
                return new LoraModel(model, tokenizer) { Adapter = fitted is null ? null : LoraModules.Load(model, fitted.Adapter) };
            }
            catch
            {
                model.Dispose();
                throw;
            }
        });
    }

    /// <summary>What the model expects to follow each token.</summary>
    /// <param name="ids">Token ids, for example of <see cref="Tokenizer.Encode(string, bool)"/>; at least one, each below the vocabulary's size.</param>
    /// <returns>Logits [tokens, vocabulary], float32, on the model's device. The caller disposes them.</returns>
    /// <exception cref="ArgumentException">There is no id.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id that the vocabulary lacks.</exception>
    public Tensor Logits(IReadOnlyList<int> ids)
    {
        Check(ids);
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = model.call(DeviceIndex.Of([.. ids.Select(id => (long)id)], [1, ids.Count], model.Device)); // [1, tokens, vocabulary]
        return logits.squeeze(0).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>Continues a text with the likeliest token, again and again.</summary>
    /// <param name="prompt">The text; at least one token.</param>
    /// <param name="tokens">Tokens of the continuation at the most; it also ends with the text.</param>
    /// <param name="cancellation">Checked before each token.</param>
    /// <returns>The continuation, without the prompt and with the space that it begins with.</returns>
    /// <exception cref="LoraException">TokenOutOfRange: a token that the model lacks; ConfigValueInvalid: the prompt has no token.</exception>
    public string Continue(string prompt, int tokens, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return PromptContinuation.Of(model, Tokenizer, prompt, tokens, onToken: null, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Adapter?.Dispose();
        model.Dispose();
    }

    private void Check(IReadOnlyList<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        if (ids.Count == 0)
        {
            throw new ArgumentException("There is no token.", nameof(ids));
        }

        foreach (int id in ids)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(id, nameof(ids));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, model.Shape.VocabularySize, nameof(ids));
        }
    }
}
