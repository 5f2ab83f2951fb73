using Lora.Adapters;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Files of other programs, against what diffusers makes of them: each module by its name, and the change that it makes.</summary>
public class GoldenNamesTests
{
    // Copies, splits and one multiplication, in another order.
    private const double Tolerance = 1e-6;

    [Theory]
    [InlineData("flux_kohya_to_diffusers")]
    [InlineData("flux_kohya_sparse_to_diffusers")]
    [InlineData("flux_kohya_no_alpha_to_diffusers")]
    [InlineData("flux_comfy_kohya_to_diffusers")]
    [InlineData("flux_fal_to_diffusers")]
    [InlineData("flux_onetrainer_to_diffusers")]
    [InlineData("flux_xlabs_to_diffusers")]
    [InlineData("flux2_kohya_to_diffusers")]
    [InlineData("qwen_image_kohya_to_diffusers")]
    [InlineData("z_image_kohya_to_diffusers")]
    [InlineData("wan_comfy_to_diffusers")]
    [InlineData("wan_musubi_to_diffusers")]
    public void Files_of_transformers_have_diffusers_names_and_the_same_change(string run) => Compare(run, "output.safetensors", isScaled: true);

    [Theory]
    [InlineData("sdxl_kohya_to_diffusers")]
    [InlineData("sd15_kohya_to_diffusers")]
    public void Files_of_U_Nets_have_diffusers_names_and_the_same_factors(string run) => Compare(run, "output_peft.safetensors", isScaled: false);

    [Fact]
    public void What_is_neither_A_nor_B_is_named_in_the_description_and_refused_in_use()
    {
        string file = Repository.Shared("golden2", "names", "wan_comfy_lora_down_to_diffusers", "input.safetensors");

        LoraAdapterInfo info = AdapterFile.Describe(file, withNorms: true);

        Assert.Equal(["diff_b"], info.Unsupported);
        Assert.Equal((LoraAdapterFormat.Kohya, null), (info.Format, info.Module[0].Norm));
        Assert.Contains(info.Module, module => module.Name == "condition_embedder.time_proj");
        LoraException exception = Assert.Throws<LoraException>(() => AdapterFile.Load(file));
        Assert.Equal(LoraError.AdapterFeatureUnsupported, exception.Error);
        Assert.Contains("diff_b", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flux_diffusers_to_kohya")]
    [InlineData("flux_diffusers_partial_to_kohya")]
    [InlineData("sdxl_peft_to_kohya")]
    public void The_form_of_Kohya_is_written_as_the_scripts_write_it(string run)
    {
        LoraAdapter adapter = AdapterFile.Load(Repository.Shared("golden2", "names", run, "input.safetensors"));

        Same(Repository.Shared("golden2", "names", run, "output.safetensors"), adapter);
    }

    [Theory]
    [InlineData("flux_kohya_to_diffusers")]
    [InlineData("flux_kohya_sparse_to_diffusers")]
    [InlineData("flux2_kohya_to_diffusers")]
    [InlineData("wan_musubi_to_diffusers")]
    [InlineData("z_image_kohya_to_diffusers")]
    [InlineData("qwen_image_kohya_to_diffusers")]
    public void A_file_of_Kohya_s_form_is_written_again_as_it_was(string run)
    {
        string file = Repository.Shared("golden2", "names", run, "input.safetensors");

        Same(file, AdapterFile.Load(file));
    }

    [Fact]
    public void The_joined_change_is_that_of_ComfyUI_s_weights()
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors expected = new(Repository.Shared("golden2", "names", "flux_comfyui", "weight_change_from_diffusers.safetensors"));
        LoraAdapter adapter = AdapterFile.Load(Repository.Shared("golden2", "names", "flux_comfyui", "input_diffusers.safetensors"));

        LoosePairs written = LoosePairs.Of(KohyaForm.Of(adapter), "written");

        int compared = 0;
        foreach (string name in expected.Names)
        {
            string flat = "lora_unet_" + name[..^".weight".Length].Replace("diffusion_model.", "", StringComparison.Ordinal).Replace('.', '_');
            if (written.Pairs.FirstOrDefault(pair => pair.Name == flat) is LoosePair pair)
            {
                Tensor product = AdapterTensors.Read(pair.Up).mm(AdapterTensors.Read(pair.Down)).Times(pair.Scaling);
                Assert.InRange(Closeness.Largest(product, expected[name]) / expected[name].abs().max().ToDouble(), 0, Tolerance);
                compared++;
            }
        }

        Assert.Equal(written.Pairs.Count, compared);
    }

    private static void Compare(string run, string output, bool isScaled)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors expected = new(Repository.Shared("golden2", "names", run, output));
        LoraAdapter adapter = AdapterFile.Load(Repository.Shared("golden2", "names", run, "input.safetensors"));
        Dictionary<string, FactorPair> pairs = FactorPair.Of(adapter).ToDictionary(pair => Bare(pair.Key), pair => pair.Value, StringComparer.Ordinal);
        string[] downs = [.. expected.Names.Where(name => name.EndsWith(".lora_A.weight", StringComparison.Ordinal))];

        Assert.Equal(downs.Select(name => Bare(name[..^".lora_A.weight".Length])).Order(StringComparer.Ordinal), pairs.Keys
            .Where(name => !name.StartsWith("text_encoder", StringComparison.Ordinal) || downs.Any(down => down.StartsWith("text_encoder", StringComparison.Ordinal)))
            .Order(StringComparer.Ordinal));
        foreach (string down in downs)
        {
            string name = down[..^".lora_A.weight".Length];
            FactorPair pair = pairs[Bare(name)];

            // diffusers leaves the alpha of final_layer out.
            bool hasScaling = isScaled && !(run == "flux_kohya_to_diffusers" && name is "norm_out.linear" or "proj_out");
            Tensor product = pair.UpMatrix().mm(pair.DownMatrix()).Times(hasScaling ? pair.Scaling : 1);
            Tensor golden = expected[name + ".lora_B.weight"].flatten(1).mm(expected[down].flatten(1));
            Assert.InRange(Closeness.Largest(product, golden) / golden.abs().max().ToDouble(), 0, Tolerance);
        }
    }

    private static void Same(string file, LoraAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenTensors expected = new(file);
        Dictionary<string, Lora.Checkpoints.TensorData> written = KohyaForm.Of(adapter).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        Assert.Equal(expected.Names.Order(StringComparer.Ordinal), written.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected.Names, name => Assert.InRange(Closeness.Largest(AdapterTensors.Read(written[name]), expected[name]), 0, Tolerance));
    }

    private static string Bare(string name) => name.StartsWith("transformer.", StringComparison.Ordinal) ? name["transformer.".Length..]
        : name.StartsWith("unet.", StringComparison.Ordinal) ? name["unet.".Length..]
        : name;
}
