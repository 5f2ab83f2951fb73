using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Quantization;
using Lora.Tests.Export;
using Lora.Tests.Training;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Quantization;

/// <summary>A quantised model against the same model of numbers, from headers to training and merging.</summary>
public sealed class QuantizedCheckpointTests
{
    private static readonly LoraConfig Config = new() { Rank = 2, TargetModule = ["q_proj", "down_proj"] };

    [Theory]
    [MemberData(nameof(StoredExamples.Names), MemberType = typeof(StoredExamples))]
    public void It_computes_what_the_model_of_numbers_computes(string form)
    {
        using DisposeScope scope = NewDisposeScope();
        using QuantizedCopy model = new(form);

        // The twin's values are rounded to float32 once, the form's two or three times.
        Assert.InRange(Closeness.Relative(Logits(model.Quantized), Logits(model.Plain)), 0, 1e-5);
        Assert.Null(UnusedTensors.Warning(model.Quantized, ModelConfigReader.Read(model.Quantized)));
    }

    [Theory]
    [InlineData("nf4", true)]
    [InlineData("fp4 nested", true)]
    [InlineData("gptq", false)]
    public void Four_bits_of_bitsandbytes_stay_and_other_forms_become_numbers(string form, bool isKept)
    {
        using QuantizedCopy model = new(form);
        using CausalLanguageModel loaded = ModelLoader.Load(model.Quantized, CPU, ScalarType.BFloat16);
        using CausalLanguageModel plain = ModelLoader.Load(model.Plain, CPU, ScalarType.BFloat16);

        Assert.Equal(isKept ? 4 * 7 : 0, loaded.modules().OfType<QuantizedLinear>().Count());
        Assert.Equal(isKept, loaded.WeightSize < plain.WeightSize);
        Assert.Equal(isKept, loaded.Buffer.Missing > 0); // the plan counts what a product's values will take
    }

    [Theory]
    [InlineData("gptq")]
    [InlineData("nf4")]
    public void Quantising_it_anew_rounds_numbers_and_leaves_bitsandbytes_as_it_is(string form)
    {
        using DisposeScope scope = NewDisposeScope();
        using QuantizedCopy model = new(form);
        Tensor anew = Logits(model.Quantized, LoraQuantization.NF4);
        Tensor expected = form == "gptq" ? Logits(model.Plain, LoraQuantization.NF4) : Logits(model.Quantized);
        Assert.InRange(Closeness.Relative(anew, expected), 0, form == "gptq" ? 1e-3 : 0); // a value on a boundary between two codes may round either way
    }

    [Theory]
    [InlineData(LoraQuantization.None)]
    [InlineData(LoraQuantization.NF4)]
    public void Some_matrices_of_a_product_may_be_left_out(LoraQuantization quantization)
    {
        using DisposeScope scope = NewDisposeScope();
        using QuantizedCopy model = new("nf4", name => !name.Contains("k_proj", StringComparison.Ordinal) && !name.Contains("layers.2.", StringComparison.Ordinal));
        using CausalLanguageModel loaded = ModelLoader.Load(model.Quantized, CPU, ScalarType.Float32, quantization);

        // Of a block that is quantised o, gate, up and down; of q, k and v none, as k has no codes to join theirs.
        Assert.Equal(quantization == LoraQuantization.NF4 ? 4 * 7 : 3 * 4, loaded.modules().OfType<QuantizedLinear>().Count());
        if (quantization == LoraQuantization.None)
        {
            Assert.InRange(Closeness.Relative(Logits(model.Quantized), Logits(model.Plain)), 0, 1e-5);
        }
    }

    [Theory]
    [InlineData("awq")]
    [InlineData("nf4")]
    public void Training_on_it_takes_the_steps_of_the_model_of_numbers(string form)
    {
        using QuantizedCopy model = new(form);
        TrainingOptions options = ExampleRun.Options with { MaxStep = 3 };

        LoraTrainingResult quantized = Train(model.Quantized, options);
        LoraTrainingResult plain = Train(model.Plain, options);

        Assert.Equal(plain.History.Select(step => step.Loss), quantized.History.Select(step => step.Loss), Closeness.To(3));
        Assert.Equal(plain.After!.Loss, quantized.After!.Loss, 1e-3);
    }

    [Fact]
    public void A_run_says_that_the_checkpoint_is_quantised()
    {
        using QuantizedCopy model = new("awq");
        RecordingObserver observer = new();
        using TrainingSession session = new();
        session.Train(Config with { Model = model.Quantized }, ExampleRun.Data, ExampleRun.Options with { MaxStep = 1 }, observer, CancellationToken.None);

        Assert.Contains("The checkpoint is quantised: weights become numbers as they are read (AWQ 4-bit, in 28 modules)", observer.Stages);
        Assert.DoesNotContain(observer.Warnings, warning => warning.Contains("does not use", StringComparison.Ordinal));
    }

    [Fact]
    public void An_adapter_of_it_is_merged_into_the_original_and_not_into_it()
    {
        using DisposeScope scope = NewDisposeScope();
        using QuantizedCopy model = new("nf4");
        using TemporaryFolder folder = new();
        Tensor ids = tensor(new long[] { 3, 5, 7, 11 }, [1, 4], device: CPU);
        (LoraAdapter adapter, Tensor adapted) = TrainedAdapter.On(model.Quantized, Config, ids);

        LoraException refused = Assert.Throws<LoraException>(() => ModelMerge.Write(adapter, model.Quantized, folder.File("merged")));
        ModelMerge.Write(adapter, model.Plain, folder.File("merged"));

        LoraProblem problem = Assert.Single(refused.Problems);
        Assert.Equal(LoraError.MergeRefused, problem.Error);
        Assert.Contains("the weights of 8 of its modules are quantised there (bitsandbytes NF4)", problem.Message, StringComparison.Ordinal);
        Assert.Contains("-Model", problem.Message, StringComparison.Ordinal);
        Assert.InRange(Closeness.Relative(TrainedAdapter.Logits(folder.File("merged"), ids), adapted), 0, 1e-5);
    }

    [Fact]
    public void A_quantised_weight_is_not_trained_whole()
    {
        using QuantizedCopy model = new("gptq");

        LoraProblem problem = QuantizedWeights.Check(new LoraConfig { ModulesToSave = ["up_proj"] }, model.Quantized, LoraQuantization.None).First();

        Assert.Equal(LoraError.AdapterFeatureUnsupported, problem.Error);
        Assert.Empty(QuantizedWeights.Check(new LoraConfig { ModulesToSave = ["lm_head", "norm"] }, model.Quantized, LoraQuantization.None));
    }

    [Fact]
    public void Parts_that_do_not_fit_are_all_named_before_anything_is_loaded()
    {
        using QuantizedCopy model = new("awq");
        string file = Path.Combine(model.Quantized, "model.safetensors");
        SafetensorsWriter.Write(file, [.. SafetensorsFile.ReadAll(file).Select(tensor =>
            tensor.Name.EndsWith("o_proj.scales", StringComparison.Ordinal) ? tensor with { Shape = [tensor.Shape[0] / 2, tensor.Shape[1] * 2] } : tensor)]);

        LoraException exception = Assert.Throws<LoraException>(() => ModelLoader.Load(model.Quantized, CPU, ScalarType.Float32));

        Assert.Equal(Enumerable.Repeat(LoraError.QuantizedWeightInvalid, 4), exception.Problems.Select(problem => problem.Error));
        Assert.Contains("'model.layers.0.self_attn.o_proj.weight' is stored as AWQ 4-bit, and its scales has the shape [2, 256]", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forms_that_are_not_read_are_refused_once_by_name()
    {
        using TemporaryFolder folder = new();
        File.Copy(Repository.Fixture("families", "llama3", "config.json"), folder.File("config.json"));
        SafetensorsWriter.Write(folder.File("model.safetensors"), Enumerable.Range(0, 3).SelectMany(layer => new TensorData[]
        {
            new($"model.layers.{layer}.self_attn.q_proj.weight", TensorDataType.U8, [32, 16], new byte[512]),
            new($"model.layers.{layer}.self_attn.q_proj.weight_scale", TensorDataType.F8E4M3, [32, 2], new byte[64]),
        }));

        Check(() => ModelLoader.Load(folder.Path, CPU, ScalarType.Float32));
        Check(() => ModelTargets.Resolve(new LoraConfig { TargetModule = ["q_proj"] }, folder.Path, allowUnmatched: false));

        static void Check(Func<object> load)
        {
            LoraException exception = Assert.Throws<LoraException>(load);
            Assert.Equal(LoraError.QuantizationUnsupported, Assert.Single(exception.Problems).Error);
            Assert.Contains("(NVFP4, in 3 modules)", exception.Message, StringComparison.Ordinal);
            Assert.Contains(StoredForms.Names, exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Matrices_that_lie_inputs_first_are_refused_as_libraries_store_them_turned()
    {
        using StoredCase form = new("""{"quant_method": "bitsandbytes", "load_in_8bit": true}""", ("weight", TensorDataType.I8, [4, 4], new sbyte[16]), ("SCB", TensorDataType.F32, [4], new float[4]));
        form.Config("""{"model_type": "gpt2"}""");

        LoraProblem problem = Assert.Single(QuantizedCheckpoint.Problems(ModuleTree.Read(form.Folder), form.Folder));

        Assert.Equal(LoraError.QuantizationUnsupported, problem.Error);
        Assert.Contains("(bitsandbytes 8-bit of gpt2, in 1 modules)", problem.Message, StringComparison.Ordinal);
    }

    private static LoraTrainingResult Train(string model, TrainingOptions options)
    {
        using TrainingSession session = new();
        return session.Train(Config with { Model = model }, ExampleRun.Data, options, new RecordingObserver(), CancellationToken.None);
    }

    private static Tensor Logits(string model, LoraQuantization quantization = LoraQuantization.None)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using CausalLanguageModel loaded = ModelLoader.Load(model, CPU, ScalarType.Float32, quantization);
        return loaded.call(tensor(new long[] { 3, 5, 7, 11, 13 }, [1, 5], device: CPU)).MoveToOuterDisposeScope();
    }
}
